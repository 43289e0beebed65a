/* SPDX-License-Identifier: Apache-2.0 */
/* What says what smsd this is and what it can be asked. */
#include "smsd/api/openapi.h"
#include "smsd/api/route.h"

int api_version(struct api_call *call)
{
	return api_answer(call, 200,
	                  json_pack("{s:s, s:s, s:s}", "name", "smsd", "version", SLUICE_VERSION,
	                            "api", "v1"));
}

int api_openapi(struct api_call *call)
{
	return api_answer(call, 200, openapi_document());
}
