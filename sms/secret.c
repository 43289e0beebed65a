/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords, from a file or the terminal. */
#include "sms/secret.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/terminal.h"
#include "sms/sms.h"

int secret_ask(const char *prompt, char *line, int size)
{
	return terminal_ask(prompt, true, line, size);
}

static int ask_twice(const char *prompt, const char *secret)
{
	char second[PKI_PASSWORD_MAX], again[128];
	int rc;

	(void)snprintf(again, sizeof(again), "Again. %s", prompt);
	rc = terminal_ask(again, false, second, sizeof(second));
	if (rc == 0 && strcmp(secret, second) != 0)
		rc = SL_EMISMATCH;
	OPENSSL_cleanse(second, sizeof(second));
	return rc;
}

int secret_read(const char *prompt, const char *file, bool again, char ret_secret[PKI_PASSWORD_MAX])
{
	struct pki_error err;
	int rc;

	if (file) {
		rc = pki_password_read(file, ret_secret, &err);
		if (rc != 0)
			(void)sms_fail(SMS_USAGE, "%s; %s", err.text, err.remedy);
		return rc == 0 ? 0 : SL_EINVAL;
	}
	rc = terminal_ask(prompt, false, ret_secret, PKI_PASSWORD_MAX);
	if (rc == 0 && again)
		rc = ask_twice(prompt, ret_secret);
	if (rc == SL_EMISMATCH)
		(void)sms_fail(SMS_USAGE, "these are two passwords");
	else if (rc != 0)
		(void)sms_fail(SMS_USAGE, "there is no terminal to ask on; give --password-file");
	if (rc != 0)
		OPENSSL_cleanse(ret_secret, PKI_PASSWORD_MAX);
	return rc == 0 ? 0 : SL_EINVAL;
}
