/** How many tokens a reply may have that nothing limits, for holding what it may take. */
export const USUAL_MOST_TOKENS = 4_096;
