/* SPDX-License-Identifier: Apache-2.0 */
/* tps version: its own, and the daemon's when one is there. */
#include <stdio.h>

#include "tps/render.h"
#include "tps/run.h"

static bool keep(void *arg, const json_t *data)
{
	*(json_t **)arg = json_deep_copy(data);
	return true;
}

enum tps_exit tps_version(struct tps *tps, json_t *arguments)
{
	struct render render = {.out = stdout, .json = tps->json};
	json_t *daemon = NULL, *error = NULL, *all;

	if (!tps->client)
		tps->client = client_connect(tps->socket);
	if (tps->client)
		(void)client_request(tps->client, "show version", NULL, keep, &daemon, &error);
	json_decref(error);
	all = json_pack("{s:s,s:o}", "tps", SLUICE_VERSION, "daemon",
	                daemon ? daemon : json_string("not there"));
	render_data(&render, cli_command_by_id(CLI_VERSION), all);
	json_decref(all);
	return TPS_OK;
}
