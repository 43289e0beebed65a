/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: who they are, what enrols them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/print.h"
#include "sms/sms.h"

enum { DEVICES_PORT = 8444, HOST_MAX = 256 };

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

/* ---- tokens ------------------------------------------------------------------------------ */

/* Of "https://host:port": devices reach the server by the name that people do. */
static void host_of(const char *server, char ret_host[HOST_MAX])
{
	const char *from = strncmp(server, "https://", 8) == 0 ? server + 8 : server;
	size_t len = from[0] == '[' ? strcspn(from, "]") + 1 : strcspn(from, ":/");

	(void)snprintf(ret_host, HOST_MAX, "%.*s", (int)SL_MIN(len, strlen(from)), from);
}

/* What to type on the device; the token apart, so that it is in no shell's history there. */
static void print_token(const struct sms *sms, const json_t *made)
{
	long long port = json_integer_value(json_object_get(made, "port"));
	char host[HOST_MAX];

	host_of(sms->state.server, host);
	(void)printf("On the device, as root:\n\n    tps sms enrol ");
	cli_print_text(stdout, host);
	if (port != DEVICES_PORT)
		(void)printf(":%lld", port);
	(void)printf(
	        "\n\nand give it this token when it asks. It holds for %lld hours, and once:\n\n"
	        "    ",
	        json_integer_value(json_object_get(made, "hours")));
	cli_print_text(stdout, json_string_value(json_object_get(made, "token")));
	(void)printf("\n\n");
}

static enum sms_exit show_token(struct sms *sms, const struct link_request *request)
{
	struct link_answer answer;
	enum sms_exit status = sms_call(sms, request, &answer);
	json_t *made;

	if (status != SMS_OK)
		return status;
	made = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	if (!json_string_value(json_object_get(made, "token")))
		status = sms_fail(SMS_REFUSED, "the server's answer has no token");
	else if (sms->json)
		sms_print(sms, made);
	else
		print_token(sms, made);
	json_decref(made);
	link_answer_fini(&answer);
	return status;
}

static enum sms_exit add(struct sms *sms, const json_t *arguments)
{
	json_t *body = json_pack("{s:s}", "name", sms_argument(arguments, "name"));
	const char *comment = sms_argument(arguments, "comment");
	enum sms_exit status;

	if (comment)
		(void)json_object_set_new(body, "comment", json_string(comment));
	status = show_token(
	        sms, &(struct link_request){.method = "POST", .path = "/devices", .body = body});
	json_decref(body);
	return status;
}

/* ---- settings ---------------------------------------------------------------------------- */

static enum sms_exit read_settings(const char *path, json_t *body)
{
	json_error_t err;
	json_t *settings = json_load_file(path, JSON_REJECT_DUPLICATES, &err);

	if (!settings)
		return sms_fail(SMS_REFUSED, "%s: line %d: %s", path, err.line, err.text);
	return json_object_set_new(body, "settings", settings) == 0 ? SMS_OK : no_memory();
}

static enum sms_exit show_settings(struct sms *sms, const char *path)
{
	struct link_answer answer;
	enum sms_exit status =
	        sms_call(sms, &(struct link_request){.method = "GET", .path = path}, &answer);
	json_t *device, *settings;

	if (status != SMS_OK)
		return status;
	device = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	settings = json_object_get(device, "settings");
	/* Of a form that --file takes. */
	if (!settings || json_dumpf(settings, stdout, JSON_INDENT(2)) != 0)
		(void)fputs("{}", stdout);
	(void)fputc('\n', stdout);
	json_decref(device);
	link_answer_fini(&answer);
	return SMS_OK;
}

static enum sms_exit change(struct sms *sms, const json_t *arguments, const char *path)
{
	const char *file = sms_argument(arguments, "file"),
	           *comment = sms_argument(arguments, "comment");
	char revision[LINK_ETAG_MAX];
	json_t *body = json_object();
	enum sms_exit status = body ? SMS_OK : no_memory();

	if (status == SMS_OK && file)
		status = read_settings(file, body);
	if (status == SMS_OK && comment)
		(void)json_object_set_new(body, "comment", json_string(comment));
	if (status == SMS_OK)
		status = sms_revision(sms, arguments, "device", revision);
	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = "PATCH",
		                                                   .path = path,
		                                                   .body = body,
		                                                   .if_match = revision});
	json_decref(body);
	return status;
}

/* ---- all --------------------------------------------------------------------------------- */

static enum sms_exit of_one(struct sms *sms, enum sms_command command, const json_t *arguments,
                            const char *path)
{
	bool changes = sms_argument(arguments, "file") || sms_argument(arguments, "comment");

	switch (command) {
	case SMS_DEVICE_TOKEN:
		return show_token(sms, &(struct link_request){.method = "POST", .path = path});
	case SMS_DEVICE_REVOKE:
		return sms_call_show(sms, &(struct link_request){.method = "POST", .path = path});
	case SMS_DEVICE_DELETE:
		return sms_call_show(sms, &(struct link_request){.method = "DELETE", .path = path});
	case SMS_DEVICE_SETTINGS:
		return changes ? change(sms, arguments, path) : show_settings(sms, path);
	default:
		return sms_call_show(sms, &(struct link_request){.method = "GET", .path = path});
	}
}

enum sms_exit sms_device(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const keys[] = {
	        "name",           "state", "online",      "in_step", "needs_distribution",
	        "ssl_inspection", "panic", "panic_state", "version", "comment",
	        "seen",           NULL};
	const char *rest = command == SMS_DEVICE_TOKEN    ? "/token"
	                   : command == SMS_DEVICE_REVOKE ? "/revoke"
	                                                  : NULL;
	enum sms_exit status;
	char *path;

	if (command == SMS_DEVICE_LIST)
		return sms_show_list(sms, "/devices?limit=1000", keys);
	if (command == SMS_DEVICE_ADD)
		return add(sms, arguments);
	path = sms_path("device", sms_argument(arguments, "name"), rest);
	status = path ? of_one(sms, command, arguments, path) : no_memory();
	free(path);
	return status;
}
