import { anyOf, exactly } from "./any-of.ts";

/** Of a path that the endpoint does not have, in the words of OpenAI, Azure, llama.cpp, FastAPI, Cloudflare and Express. */
export const NO_PATH =
  /^(could not route to|no route for|cannot (get|post) \/|no route matched|(unexpected|unknown|unsupported|no such) (endpoint|path|route|url)\b|missing authentication token$|invalid url\b|((resource|file|route|page|endpoint) )?not found\.?$|method not allowed$)|\bonly \S*\/v\d\/[^\n]{1,60} allowed\b|\byour path\b/im;

/** Codes of a model that the endpoint does not have, or has no more. */
export const NO_MODEL_CODES = exactly(
  /model_?(decommissioned|deprecated|retired|removed|offline|discontinued)/i,
  /model_not_found/i,
  /invalid_model/i,
  /model_?not_?exist/i,
  /deploymentnotfound/i,
  /model_not_supported/i,
  /model_not_available/i,
  /modelnotfound(error|exception)?/i,
  /ResourceNotFoundException/i,
  /OperationNotSupported/i,
  /unsupported_api_for_model/i,
  /\w*(endpoint|deployment)_not_(running|found|ready)/i,
);

/** Of a model that is not there, not running, or was never heard of. */
export const NO_MODEL = anyOf(
  /(invalid|unknown|unsupported|unrecogni[sz]ed|non-?existent) model/im,
  /\bnot (one of|among) the models\b/im,
  /\bnot match any model\b/im,
  /\bmodel\b[^.\n]{0,80}\b(could|can)( ?not|n't) be (found|located|resolved)\b/im,
  /\bmodel\b[^.\n]{0,60}\b(is offline|shut down)\b/im,
  /\bmodel (name|id|identifier)\b[^.\n]{0,20}\b(invalid|unknown|not valid|unrecognized)\b/im,
  /no models? (is |are )?(currently )?loaded/im,
  /\bmodel\b[^.\n]{0,120}(decommissioned|(has|have) been deprecated|deprecated and|retired|discontinued|been (removed|shut down|sunset)|no longer (available|supported|served))/im,
  /not a valid model/im,
  /no endpoints found/im,
  /model not exist/im,
  /no healthy deployments/im,
  /inference profile that contains this model/im,
  /no ((currently )?(available|healthy|valid|usable|enabled|active|eligible|matching|suitable) )?(channel|deployment|provider|backend|upstream|route|node)s?\b[^.\n]{0,30}\b(for|with|serv\w+|support\w*|ha(ve|s))\b[^.\n]{0,20}\bmodel\b/im,
  /模型不存在/im,
  /(无|没有)可用的?(渠道|通道|节点|供应商)/im,
  /\bmodel\b[^.\n]{0,120}(not found|does(n't| not) exist|not available|not served|no such|is not supported\b(?! with)|failed to load)/im,
  /(not found|no such|does(n't| not) exist)[^.\n]{0,40}\bmodel\b/im,
  /(fail\w*|unable|cannot|can't|could ?n[o']t)( to)? (find|locate|load|loading|resolve|open)\b[^.\n]{0,20}\b(model|modelID)\b/im,
  /\bmodel\b[^.\n]{0,80}\bnot (accessible|usable) (via|through|with|in|at)\b/im,
  /^model: (?!expected|must|should|field|input|value|required|invalid type)/im,
);

/** Codes of a server that failed. */
export const UNAVAILABLE_CODES = exactly(
  /server_error/i,
  /overloaded\w*/i,
  /engine_overloaded\w*/i,
  /internal(_server)?_?error/i,
  /service_unavailable\w*/i,
  /unavailable\w*/i,
  /api_connection\w*/i,
  /litellm\.(InternalServerError|ServiceUnavailableError|APIConnectionError|APIError|BadGatewayError)/i,
);
