/* SPDX-License-Identifier: Apache-2.0 */
/* What `tps sms` asks the person for before it asks the daemon. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/terminal.h"
#include "lib/pki/file.h"
#include "lib/remote/token.h"
#include "tps/run.h"

static bool fail(const char *text, const char *remedy)
{
	(void)fprintf(stderr, "tps: %s\n  %s\n", text, remedy);
	return false;
}

/* The file is as private as the token: readable to others it is refused. */
static bool read_token(const char *file, char token[PKI_PASSWORD_MAX])
{
	struct remote_token parsed;
	struct pki_error err;

	if (file && pki_password_read(file, token, &err) != 0)
		return fail(err.text, err.remedy);
	if (!file && terminal_ask("Token: ", false, token, REMOTE_TOKEN_MAX) != 0)
		return fail("there is no terminal to ask on", "give --token-file FILE");
	if (remote_token_parse(token, &parsed) != 0)
		return fail("that is no token",
		            "it begins with slt1 and has three parts behind dots");
	OPENSSL_cleanse(&parsed, sizeof(parsed));
	return true;
}

static bool add_token(json_t *arguments)
{
	const char *file = json_string_value(json_object_get(arguments, "token-file"));
	char token[PKI_PASSWORD_MAX];
	bool good = read_token(file, token);

	if (good)
		good = json_object_set_new(arguments, "text", json_string(token)) == 0;
	OPENSSL_cleanse(token, sizeof(token));
	return good;
}

static bool is_sure(const json_t *arguments)
{
	char yes[8];

	if (json_is_true(json_object_get(arguments, "yes")))
		return true;
	if (terminal_ask("The private keys that the SMS sent are dropped. Leave it, yes or no: ",
	                 true, yes, sizeof(yes)) == 0 &&
	    strcmp(yes, "yes") == 0)
		return true;
	return fail("nothing was changed", "say yes, or give --yes");
}

bool tps_sms_prepare(const struct cli_command *command, json_t *arguments)
{
	if (command->id == CLI_SMS_ENROL)
		return add_token(arguments);
	return command->id != CLI_SMS_LEAVE || is_sure(arguments);
}
