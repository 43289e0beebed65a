/* SPDX-License-Identifier: Apache-2.0 */
/* From words to a command. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/cli/doc.h"
#include "lib/cli/print.h"
#include "sms/kind.h"
#include "sms/sms.h"

static const struct cli_command commands[] = {
#define COMMAND(ID, words_, arguments_, help_)                                                     \
	[SMS_##ID] = {.words = words_, .arguments = arguments_, .help = help_},
#include "sms/command.def"
#undef COMMAND
};

const struct cli_table sms_commands = {commands, SMS_COMMAND_END};

static sms_command_fn *const functions[SMS_COMMAND_END] = {
        [SMS_LOGIN] = sms_login,
        [SMS_LOGOUT] = sms_logout,
        [SMS_PASSWORD] = sms_password,
        [SMS_WHOAMI] = sms_whoami,
        [SMS_LIST] = sms_list,
        [SMS_SHOW] = sms_show,
        [SMS_HISTORY] = sms_history,
        [SMS_IMPORT_CERTIFICATE] = sms_import,
        [SMS_IMPORT_CA_CERTIFICATE] = sms_import,
        [SMS_REPLACE] = sms_import,
        [SMS_REPAIR] = sms_import,
        [SMS_EXPORT] = sms_export,
        [SMS_CLIENT_ROOT] = sms_export,
        [SMS_MAKE_SIGNING_CERTIFICATE] = sms_make,
        [SMS_MAKE_SIGNING_REQUEST] = sms_make,
        [SMS_DELETE] = sms_delete,
        [SMS_UPLOAD] = sms_upload,
        [SMS_DOWNLOAD] = sms_download,
        [SMS_AUDIT] = sms_audit,
        [SMS_ALERTS] = sms_alert,
        [SMS_ALERT_ACKNOWLEDGE] = sms_alert,
        [SMS_DEVICE_LIST] = sms_device,
        [SMS_DEVICE_SHOW] = sms_device,
        [SMS_DEVICE_ADD] = sms_device,
        [SMS_DEVICE_TOKEN] = sms_device,
        [SMS_DEVICE_SETTINGS] = sms_device,
        [SMS_DEVICE_REVOKE] = sms_device,
        [SMS_DEVICE_DELETE] = sms_device,
        [SMS_EVENTS] = sms_events,
        [SMS_SERIES] = sms_series,
        [SMS_TOKEN_MAKE] = sms_token,
        [SMS_TOKEN_LIST] = sms_token,
        [SMS_TOKEN_DELETE] = sms_token,
        [SMS_SET] = sms_set,
        [SMS_CHECK] = sms_set,
        [SMS_RENAME] = sms_rename,
        [SMS_MOVE] = sms_move,
        [SMS_DIFF] = sms_diff,
        [SMS_ROLLBACK] = sms_rollback,
        [SMS_CHANGES] = sms_changes,
        [SMS_ROLLBACK_ALL] = sms_rollback_all,
        [SMS_IMPORT_DOCUMENT] = sms_import_document,
        [SMS_DISTRIBUTE] = sms_distribute,
        [SMS_DISTRIBUTION_LIST] = sms_distribution,
        [SMS_DISTRIBUTION_SHOW] = sms_distribution,
        [SMS_DISTRIBUTION_RETRY] = sms_distribution,
        [SMS_DISTRIBUTION_CANCEL] = sms_distribution,
        [SMS_LICENCES] = sms_licences,
        [SMS_PANIC_EXCEPT] = sms_panic,
        [SMS_PANIC_STOP] = sms_panic,
        [SMS_PANIC_FALLBACK] = sms_panic,
        [SMS_PANIC_CLEAR] = sms_panic,
        [SMS_PANIC_SHOW] = sms_panic,
        /* people */
        [SMS_PERSON_ADD] = sms_person,
        [SMS_PERSON_LIST] = sms_person,
        [SMS_PERSON_SHOW] = sms_person,
        [SMS_PERSON_SET] = sms_person,
        [SMS_PERSON_DELETE] = sms_person,
        [SMS_PERSON_RESET_PASSWORD] = sms_person,
        [SMS_PERSON_UNLOCK] = sms_person,
        [SMS_PERSON_END_SESSIONS] = sms_person,
        [SMS_PERSON_TOKEN_LIST] = sms_person,
        [SMS_PERSON_TOKEN_DELETE] = sms_person,
        [SMS_GROUP_ADD] = sms_group,
        [SMS_GROUP_LIST] = sms_group,
        [SMS_GROUP_SHOW] = sms_group,
        [SMS_GROUP_SET] = sms_group,
        [SMS_GROUP_DELETE] = sms_group,
        [SMS_ROLE_ADD] = sms_role,
        [SMS_ROLE_LIST] = sms_role,
        [SMS_ROLE_SHOW] = sms_role,
        [SMS_ROLE_SET] = sms_role,
        [SMS_ROLE_DELETE] = sms_role,
        /* packages */
        [SMS_PACKAGE_LIST] = sms_package,
        [SMS_PACKAGE_SHOW] = sms_package,
        [SMS_PACKAGE_IMPORT] = sms_package,
        [SMS_PACKAGE_DIFF] = sms_package,
        [SMS_PACKAGE_INSTALL] = sms_package,
        [SMS_PACKAGE_UNINSTALL] = sms_package,
        [SMS_PACKAGE_DELETE] = sms_package,
        [SMS_PACKAGE_HISTORY] = sms_package,
        [SMS_PACKAGE_KEY_LIST] = sms_package_key,
        [SMS_PACKAGE_KEY_ADD] = sms_package_key,
        [SMS_PACKAGE_KEY_DELETE] = sms_package_key,
        [SMS_PACKAGE_SOURCE_LIST] = sms_package_source,
        [SMS_PACKAGE_SOURCE_SHOW] = sms_package_source,
        [SMS_PACKAGE_SOURCE_ADD] = sms_package_source,
        [SMS_PACKAGE_SOURCE_SET] = sms_package_source,
        [SMS_PACKAGE_SOURCE_CHECK] = sms_package_source,
        [SMS_PACKAGE_SOURCE_DELETE] = sms_package_source,
        [SMS_CATEGORIES] = sms_categories,
        /* forwarding */
        [SMS_SYSLOG_TARGET_LIST] = sms_syslog_target,
        [SMS_SYSLOG_TARGET_SHOW] = sms_syslog_target,
        [SMS_SYSLOG_TARGET_ADD] = sms_syslog_target,
        [SMS_SYSLOG_TARGET_SET] = sms_syslog_target,
        [SMS_SYSLOG_TARGET_TEST] = sms_syslog_target,
        [SMS_SYSLOG_TARGET_DELETE] = sms_syslog_target,
};

enum sms_exit sms_fail(enum sms_exit status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)fputs("sms: ", stderr);
	cli_print_text(stderr, text);
	(void)fputc('\n', stderr);
	return status;
}

const char *sms_argument(const json_t *arguments, const char *key)
{
	return json_string_value(json_object_get(arguments, key));
}

enum sms_exit sms_run(struct sms *sms, size_t argc, const char *const *argv)
{
	const struct cli_command *command;
	json_t *arguments = NULL;
	enum sms_exit status;
	char why[1024];
	size_t used;

	if (argc == 0 || strcmp(argv[0], "help") == 0) {
		cli_doc_help(&sms_commands, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
		return SMS_OK;
	}
	command = cli_command_find(&sms_commands, argc, argv, &used);
	if (!command)
		return sms_fail(SMS_USAGE, "no such command; 'sms help %s' lists what there is",
		                used > 0 ? argv[0] : "");
	if (cli_arguments_parse(command, argc - used, argv + used, &arguments, why, sizeof(why)) !=
	    0)
		return sms_fail(SMS_USAGE, "%s", why);
	status = functions[command - commands](sms, (enum sms_command)(command - commands),
	                                       arguments);
	json_decref(arguments);
	return status;
}
