/* SPDX-License-Identifier: Apache-2.0 */
/* show ssl-inspection troubleshoot: the question, the wire's word, then the checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/server.h"
#include "tpsd/report/show_config.h"
#include "tpsd/report/troubleshoot.h"

static int read_server(const char *text, struct addr *ret_addr, uint16_t *ret_port)
{
	char address[64];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	char *end = NULL;
	long port = colon ? strtol(colon + 1, &end, 10) : 0;

	if (len >= sizeof(address) || (colon && (*end || port < 1 || port > 65535)))
		return SL_EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	*ret_port = (uint16_t)port;
	return addr_parse(address, ret_addr);
}

static int read_question(const struct request *r, struct trouble *t)
{
	const char *client = request_text(r, "client"), *server = request_text(r, "server");
	const char *vlan = request_text(r, "vlan");
	int rc = client ? addr_parse(client, &t->client) : 0;
	char *end;

	if (rc == 0 && server)
		rc = read_server(server, &t->server, &t->server_port);
	t->vlan = -1;
	if (rc == 0 && vlan) {
		long n = strtol(vlan, &end, 10);

		if (*end || end == vlan || n < 0 || n > 4094)
			return SL_EINVAL;
		t->vlan = (int)n;
	}
	return rc;
}

static enum trouble_case case_of(const char *text)
{
	if (strcmp(text, "unreachable") == 0)
		return UNREACHABLE;
	return strcmp(text, "unexpected-alerts") == 0 ? UNEXPECTED_ALERTS : NOT_INSPECTED;
}

static void on_segments(void *arg, int status, const char *missing, const json_t *data)
{
	struct request *r = arg;
	struct trouble t = {.control = r->control,
	                    .config = r->control->config,
	                    .segments = status == 0 && json_is_array(data) ? data : NULL};

	if (read_question(r, &t) != 0)
		request_error(r, SL_EINVAL, "not an address, a port or a VLAN",
		              "for example --client 10.0.0.1 --server 10.0.0.2:443 --vlan 7");
	else
		request_ok(r, troubleshoot(&t, case_of(request_text(r, "case"))));
}

void handle_show_troubleshoot(struct request *request)
{
	int rc;

	if (!config_in_force(request))
		return;
	rc = forward_call(request->control, CLI_WIRE, "segments", NULL, FORWARD_TIMEOUT_S,
	                  on_segments, request);
	if (rc != 0)
		on_segments(request, rc, "wire", NULL);
}
