/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the server as a file: export, client-root. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "sms/file.h"
#include "sms/secret.h"
#include "sms/sms.h"

/* DER and PKCS12 are no text: to a terminal they do not go. */
static bool is_text(const char *format)
{
	return strcmp(format, "pem") == 0;
}

static enum sms_exit make_body(const json_t *arguments, const char *format, json_t **ret_body)
{
	char password[PKI_PASSWORD_MAX] = "";
	bool with_key = strcmp(format, "pkcs12") == 0;

	if (with_key && secret_read("Password of the new file: ",
	                            sms_argument(arguments, "password-file"), true, password) != 0)
		return SMS_USAGE;
	*ret_body = with_key ? json_pack("{s:s, s:s}", "format", format, "password", password)
	                     : json_pack("{s:s}", "format", format);
	OPENSSL_cleanse(password, sizeof(password));
	return *ret_body ? SMS_OK : sms_fail(SMS_USAGE, "the password is no UTF-8");
}

static enum sms_exit fetch(struct sms *sms, const struct link_request *request, const char *output,
                           bool secret)
{
	struct link_answer answer;
	enum sms_exit status = sms_call(sms, request, &answer);

	if (status != SMS_OK)
		return status;
	status = file_write(output, answer.body.data, answer.body.len, secret);
	link_answer_fini(&answer);
	return status;
}

enum sms_exit sms_export(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const bool root = command == SMS_CLIENT_ROOT;
	const char *kind = root ? "certificate" : sms_argument(arguments, "kind");
	const char *format = root ? "der" : sms_argument(arguments, "format");
	const char *output = sms_argument(arguments, "output");
	struct link_request request = {.method = root ? "GET" : "POST"};
	enum sms_exit status = SMS_OK;
	json_t *body = NULL;
	char *path;

	format = format ? format : "pem";
	if (!output && !is_text(format) && isatty(STDOUT_FILENO))
		return sms_fail(SMS_USAGE, "%s is no text; give -o FILE", format);
	if (!root)
		status = make_body(arguments, format, &body);
	if (status != SMS_OK)
		return status;
	path = sms_path(kind, sms_argument(arguments, "name"), root ? "/client-root" : "/export");
	request.path = path;
	request.body = body;
	status = path ? fetch(sms, &request, output, strcmp(format, "pkcs12") == 0)
	              : sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	free(path);
	json_decref(body);
	return status;
}
