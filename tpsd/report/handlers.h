/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that answer commands. Each ends its request, now or later (server.h). */
#pragma once

struct request;

/* show_stats.c */
void handle_show_counters(struct request *request);
void handle_debug_stats(struct request *request);
void handle_show_version(struct request *request);
/* show_log.c */
void handle_show_log(struct request *request);
/* config_commands.c */
void handle_config_check(struct request *request);
void handle_config_apply(struct request *request);
void handle_config_confirm(struct request *request);
void handle_config_rollback(struct request *request);
void handle_config_diff(struct request *request);
void handle_config_show(struct request *request);
void handle_config_history(struct request *request);
void handle_config_reload(struct request *request);
void handle_cert_reload(struct request *request);
/* panic.c */
void handle_panic_status(struct request *request);
void handle_panic_except(struct request *request);
void handle_panic_stop(struct request *request);
void handle_panic_fallback(struct request *request);
void handle_panic_clear(struct request *request);
void handle_drain(struct request *request);
/* show_config.c */
void handle_show_virtual_segments(struct request *request);
void handle_show_certificates(struct request *request);
/* show_decryption.c */
void handle_decryption_export(struct request *request);
/* show_failures.c */
void handle_show_failures(struct request *request);
void handle_show_would(struct request *request);
/* licence_commands.c */
void handle_licence_show(struct request *request);
void handle_licence_install(struct request *request);
void handle_licence_check(struct request *request);
/* show_explain.c, show_capacity.c, show_troubleshoot.c */
void handle_explain(struct request *request);
void handle_show_capacity(struct request *request);
void handle_show_traffic(struct request *request);
void handle_show_troubleshoot(struct request *request);
