/* SPDX-License-Identifier: Apache-2.0 */
/* tps drain (R162): nothing new is diverted, and what lives ends by itself or at the deadline. */
#include "lib/base/err.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/server.h"

enum { DRAIN_DEFAULT_MS = 60000 };

static void on_drained(void *arg, int status, const char *missing, const json_t *data)
{
	struct request *r = arg;

	if (status != 0)
		request_error(r, status, missing[0] ? missing : err_text(status),
		              "see 'tps show processes'");
	else
		request_ok(r, json_is_object(data) ? json_deep_copy(data) : json_object());
}

void handle_drain(struct request *request)
{
	bool on = !request_flag(request, "off");
	uint64_t deadline_ms;
	json_t *arguments;
	int rc;

	if (!request_duration(request, "deadline", DRAIN_DEFAULT_MS, &deadline_ms))
		return;
	request->control->draining = on;
	arguments = json_pack("{s:b,s:I}", "on", (int)on, "deadline_ms", (json_int_t)deadline_ms);
	panic_tell_stop(request->control->panic);
	rc = forward_call(request->control, CLI_WORKERS, "drain", arguments, FORWARD_TIMEOUT_S,
	                  on_drained, request);
	json_decref(arguments);
	if (rc != 0)
		request_error(request, rc, "no worker is there", "see 'tps show processes'");
}
