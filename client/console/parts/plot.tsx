import { useEffect, useRef } from "react";
import uPlot from "uplot";

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

interface PlotProps {
  /** Says in words what is drawn, for those who do not see it. */
  readonly label: string;
  /** Seconds since 1970, or numbers that count. */
  readonly xs: readonly number[];
  readonly isTime: boolean;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly kind: "bars" | "lines";
}

export const COLOURS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6", "--muted"];

const HEIGHT = 240;

/** Lines, or bars that stand on each other. The table beside it has the same numbers. */
export function Plot({ label, xs, isTime, series, format, kind }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(
        optionsOf({ series, format, kind, isTime, width: element.clientWidth, colour: coloursIn(element) }),
        [xs as number[], ...stacked(series, kind)],
        element,
      );
    };
    draw();
    const observer = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    const looks = matchMedia("(prefers-color-scheme: dark)");
    looks.addEventListener("change", draw);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      observer.disconnect();
      theme.disconnect();
      looks.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [xs, isTime, series, format, kind]);
  return (
    <div className="stack tight">
      <div className="plot" ref={box} role="img" aria-label={label} />
      <div className="legend" aria-hidden="true">
        {series.map(({ name }, index) => (
          <span key={name} style={{ "--swatch": `var(${COLOURS[index % COLOURS.length]})` } as React.CSSProperties}>
            {name}
          </span>
        ))}
      </div>
    </div>
  );
}

/** The highest first, so that the lower ones are drawn over it. */
function stacked(series: readonly Series[], kind: PlotProps["kind"]): (number | null)[][] {
  if (kind === "lines") return series.map(({ values }) => [...values]);
  const sums: number[][] = [];
  for (const { values } of series) {
    const below = sums.at(-1);
    sums.push(values.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)));
  }
  return sums.reverse();
}

/** Colours by their names in the style sheet, as they are in the theme that is shown: a canvas knows neither. */
function coloursIn(element: HTMLElement): (name: string) => string {
  return (name) => {
    element.style.color = `var(${name})`;
    const { color } = getComputedStyle(element);
    element.style.color = "";
    return color;
  };
}

interface DrawnProps extends Pick<PlotProps, "series" | "format" | "kind" | "isTime"> {
  readonly width: number;
  readonly colour: (name: string) => string;
}

function optionsOf({ series, format, kind, isTime, width, colour }: DrawnProps): uPlot.Options {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    stroke: colour("--muted"),
    font,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
  };
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
  const drawn = series.map(({ name }, index) => {
    const tone = colour(COLOURS[index % COLOURS.length] ?? "");
    if (kind === "lines") return { label: name, stroke: tone, width: 1.5, points: { size: 5, fill: tone } };
    return { label: name, stroke: tone, fill: tone, width: 0, points: { show: false }, ...(bars && { paths: bars }) };
  });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: isTime, ...(kind === "bars" && { range: (_, min, max) => [min - 43_200, max + 43_200] }) },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
    axes: [
      {
        ...axis,
        grid: { show: false },
        ...(isTime && {
          values: (_, splits) => splits.map(dayLabel),
          incrs: [86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 60 * 86_400],
        }),
      },
      { ...axis, size: 70, values: (_, splits) => splits.map(format) },
    ],
    series: [{}, ...(kind === "bars" ? drawn.reverse() : drawn)],
  };
}

const day = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" });
const dayLabel = (seconds: number) => day.format(seconds * 1_000);
