/* SPDX-License-Identifier: Apache-2.0 */
/* Which function answers which command: one row a command that is HERE. */
#include "tpsd/report/handlers.h"

#include "lib/base/err.h"
#include "tpsd/report/server.h"

static void (*const handlers[CLI_COMMAND_END])(struct request *request) = {
        [CLI_SHOW_COUNTERS] = handle_show_counters,
        [CLI_DEBUG_STATS] = handle_debug_stats,
        [CLI_DAEMON_VERSION] = handle_show_version,
        [CLI_SHOW_LOG] = handle_show_log,
        [CLI_SHOW_VIRTUAL_SEGMENTS] = handle_show_virtual_segments,
        [CLI_SHOW_CERTIFICATES] = handle_show_certificates,
        [CLI_DECRYPTION_EXPORT] = handle_decryption_export,
        [CLI_SHOW_FAILURES] = handle_show_failures,
        [CLI_SHOW_WOULD] = handle_show_would,
        [CLI_EXPLAIN] = handle_explain,
        [CLI_SHOW_CAPACITY] = handle_show_capacity,
        [CLI_SHOW_TRAFFIC] = handle_show_traffic,
        [CLI_SHOW_TROUBLESHOOT] = handle_show_troubleshoot,
        [CLI_CERT_RELOAD] = handle_cert_reload,
        [CLI_PANIC_STATUS] = handle_panic_status,
        [CLI_PANIC_EXCEPT] = handle_panic_except,
        [CLI_PANIC_STOP] = handle_panic_stop,
        [CLI_PANIC_FALLBACK] = handle_panic_fallback,
        [CLI_PANIC_CLEAR] = handle_panic_clear,
        [CLI_LICENCE_SHOW] = handle_licence_show,
        [CLI_LICENCE_INSTALL] = handle_licence_install,
        [CLI_LICENCE_CHECK] = handle_licence_check,
        [CLI_DRAIN] = handle_drain,
        [CLI_CONFIG_CHECK] = handle_config_check,
        [CLI_CONFIG_APPLY] = handle_config_apply,
        [CLI_CONFIG_CONFIRM] = handle_config_confirm,
        [CLI_CONFIG_ROLLBACK] = handle_config_rollback,
        [CLI_CONFIG_DIFF] = handle_config_diff,
        [CLI_CONFIG_SHOW] = handle_config_show,
        [CLI_CONFIG_HISTORY] = handle_config_history,
        [CLI_CONFIG_RELOAD] = handle_config_reload,
};

void handler_run(struct request *request)
{
	void (*fn)(struct request *) = handlers[request->command->id];

	if (fn)
		fn(request);
	else
		request_error(request, SL_EUNSUPPORTED, "this build's daemon does not have it", "");
}
