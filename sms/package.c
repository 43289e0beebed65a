/* SPDX-License-Identifier: Apache-2.0 */
/* Packages, the keys that they are believed by, and categories. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "sms/sms.h"

#define PACKAGE "package"
#define KEY     "package-key"

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

/* Takes `path` over; shows what is answered. */
static enum sms_exit call_show(struct sms *sms, const char *method, char *path, const json_t *body)
{
	enum sms_exit status = path ? sms_call_show(sms, &(struct link_request){.method = method,
	                                                                        .path = path,
	                                                                        .body = body})
	                            : no_memory();

	free(path);
	return status;
}

/* ---- packages ---------------------------------------------------------------------------- */

/* The upload becomes a package: its number, and what it is where nothing more is done with it. */
static enum sms_exit name_it(struct sms *sms, json_int_t upload, bool show, char *ret_id,
                             size_t size)
{
	json_t *body = json_pack("{s:I}", "upload", upload), *data = NULL;
	struct link_request request = {.method = "POST", .path = "/packages", .body = body};
	enum sms_exit status = body ? sms_call_json(sms, &request, &data) : no_memory();

	json_decref(body);
	if (status != SMS_OK)
		return status;
	if (!json_is_integer(json_object_get(data, "id")))
		status = sms_fail(SMS_REFUSED, "the server's answer is no package");
	else if (show)
		sms_print(sms, data);
	(void)snprintf(ret_id, size, "%lld",
	               (long long)json_integer_value(json_object_get(data, "id")));
	json_decref(data);
	return status;
}

static enum sms_exit import(struct sms *sms, const json_t *arguments)
{
	const char *path = sms_argument(arguments, "file");
	bool install = json_object_get(arguments, "install");
	json_int_t upload = 0;
	enum sms_exit status = sms_upload_send(sms, path, path, &upload);
	char id[32];

	if (status != SMS_OK)
		return status;
	status = name_it(sms, upload, !install, id, sizeof(id));
	if (status != SMS_OK)
		sms_upload_drop(sms, upload);
	else if (install)
		status = call_show(sms, "POST", sms_path(PACKAGE, id, "/install"), NULL);
	return status;
}

static enum sms_exit history(struct sms *sms, const json_t *arguments)
{
	static const char *const columns[] = {"time", "who",     "kind", "package",
	                                      "name", "version", NULL};
	char *path = sms_query(strdup("/package-history"), "kind", sms_argument(arguments, "kind"));
	enum sms_exit status;

	path = sms_query(path, "limit", sms_argument(arguments, "limit"));
	status = path ? sms_show_list(sms, path, columns) : no_memory();
	free(path);
	return status;
}

enum sms_exit sms_package(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const columns[] = {"id",      "kind",   "name",      "version",
	                                      "created", "source", "installed", NULL};
	const char *id = sms_argument(arguments, "id");
	static const struct {
		enum sms_command command;
		const char *method, *rest;
	} calls[] = {{SMS_PACKAGE_SHOW, "GET", NULL},
	             {SMS_PACKAGE_DIFF, "GET", "/diff"},
	             {SMS_PACKAGE_INSTALL, "POST", "/install"},
	             {SMS_PACKAGE_UNINSTALL, "POST", "/uninstall"},
	             {SMS_PACKAGE_DELETE, "DELETE", NULL}};

	if (command == SMS_PACKAGE_LIST)
		return sms_show_list(sms, "/packages", columns);
	if (command == SMS_PACKAGE_IMPORT)
		return import(sms, arguments);
	if (command == SMS_PACKAGE_HISTORY)
		return history(sms, arguments);
	if (!sms_is_number(id))
		return sms_fail(SMS_USAGE, "\"%.64s\" is no number of a package: sms package list",
		                id ? id : "");
	for (size_t i = 0; i < SL_ARRAY_LEN(calls); i++)
		if (calls[i].command == command)
			return call_show(sms, calls[i].method, sms_path(PACKAGE, id, calls[i].rest),
			                 NULL);
	return SMS_USAGE;
}

enum sms_exit sms_categories(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	(void)command, (void)arguments;
	return sms_show_list(sms, "/categories", NULL);
}

/* ---- keys -------------------------------------------------------------------------------- */

static enum sms_exit add_key(struct sms *sms, const json_t *arguments)
{
	struct pki_error err;
	struct pki_file file;
	enum sms_exit status;
	json_t *body;

	if (pki_file_read(sms_argument(arguments, "file"), false, &file, &err) != 0)
		return sms_fail(SMS_USAGE, "%s", err.text);
	/* Whoever names the wrong file does not send a secret. */
	if (strstr((const char *)file.data, "PRIVATE KEY")) {
		pki_file_fini(&file);
		return sms_fail(SMS_USAGE,
		                "%s is a private key: tmc key public prints its public half",
		                sms_argument(arguments, "file"));
	}
	body = json_pack("{s:O, s:s#}", "name", json_object_get(arguments, "name"), "pem",
	                 (const char *)file.data, (int)file.len);
	pki_file_fini(&file);
	if (!body)
		return sms_fail(SMS_USAGE, "%s is no PEM", sms_argument(arguments, "file"));
	status = call_show(sms, "POST", strdup("/package-keys"), body);
	json_decref(body);
	return status;
}

enum sms_exit sms_package_key(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	if (command == SMS_PACKAGE_KEY_LIST)
		return sms_show_list(sms, "/package-keys", NULL);
	if (command == SMS_PACKAGE_KEY_ADD)
		return add_key(sms, arguments);
	return call_show(sms, "DELETE", sms_path(KEY, sms_argument(arguments, "name"), NULL), NULL);
}
