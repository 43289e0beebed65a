/* SPDX-License-Identifier: Apache-2.0 */
/* What brings a certificate or a key to the server: import, replace, repair. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "sms/file.h"
#include "sms/secret.h"
#include "sms/sms.h"

/* What the four commands differ in. */
static const struct {
	const char *kind; /* NULL: the argument's */
	const char *rest; /* behind the object's path; NULL: it is made anew */
} forms[SMS_COMMAND_END] = {
        [SMS_IMPORT_CERTIFICATE] = {"certificate", NULL},
        [SMS_IMPORT_CA_CERTIFICATE] = {"ca-certificate", NULL},
        [SMS_REPLACE] = {NULL, "/replace"},
        [SMS_REPAIR] = {"certificate", "/repair"},
};

static enum sms_exit put_password(json_t *body, const json_t *arguments)
{
	const char *file = sms_argument(arguments, "password-file");
	char password[PKI_PASSWORD_MAX];
	int rc;

	if (!file)
		return SMS_OK;
	if (secret_read("", file, false, password) != 0)
		return SMS_USAGE;
	rc = json_object_set_new(body, "password", json_string(password));
	OPENSSL_cleanse(password, sizeof(password));
	return rc == 0 ? SMS_OK : sms_fail(SMS_USAGE, "%s: the password is no UTF-8", file);
}

/* Fields of the body, from arguments of the same name. */
static enum sms_exit put_fields(json_t *body, const json_t *arguments)
{
	static const char *const texts[] = {"format", "comment"};
	enum sms_exit status = SMS_OK;

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		if (sms_argument(arguments, texts[i]))
			(void)json_object_set(body, texts[i], json_object_get(arguments, texts[i]));
	if (json_object_get(arguments, "exportable"))
		(void)json_object_set_new(body, "exportable", json_true());
	if (sms_argument(arguments, "file"))
		status = file_put(body, "file", sms_argument(arguments, "file"), false);
	if (status == SMS_OK && sms_argument(arguments, "key"))
		status = file_put(body, "key", sms_argument(arguments, "key"), true);
	if (status == SMS_OK && sms_argument(arguments, "keyfile"))
		status = file_put(body, "key", sms_argument(arguments, "keyfile"), true);
	return status == SMS_OK ? put_password(body, arguments) : status;
}

static enum sms_exit send(struct sms *sms, const char *kind, const char *rest, const json_t *body,
                          const json_t *arguments)
{
	struct link_request request = {.method = "POST", .body = body};
	char revision[LINK_ETAG_MAX] = "";
	enum sms_exit status = SMS_OK;
	char *path;

	if (rest)
		status = sms_revision(sms, arguments, kind, revision);
	if (status != SMS_OK)
		return status;
	path = sms_path(kind, rest ? sms_argument(arguments, "name") : NULL, rest);
	if (!path)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	request.path = path;
	request.if_match = revision;
	status = sms_call_show(sms, &request);
	free(path);
	return status;
}

enum sms_exit sms_import(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *kind =
	        forms[command].kind ? forms[command].kind : sms_argument(arguments, "kind");
	const char *rest = forms[command].rest;
	json_t *body = json_object();
	enum sms_exit status;

	if (!body)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	if (!rest)
		(void)json_object_set(body, "name", json_object_get(arguments, "name"));
	status = put_fields(body, arguments);
	if (status == SMS_OK)
		status = send(sms, kind, rest, body, arguments);
	json_decref(body);
	return status;
}
