/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal. */
#include "sms/secret.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "sms/sms.h"

/* A line, or SL_EINVAL; what does not fit is no answer. */
static int read_line(FILE *tty, char *line, int size)
{
	size_t len;

	if (!fgets(line, size, tty))
		return SL_EINVAL;
	len = strlen(line);
	if (len == 0 || line[len - 1] != '\n')
		return SL_EINVAL;
	line[len - 1] = '\0';
	return 0;
}

/* Signals wait meanwhile, so that no terminal is left without echo. */
static int ask(FILE *tty, const char *prompt, bool echo, char *line, int size)
{
	struct termios was, quiet;
	int rc;

	if (tcgetattr(fileno(tty), &was) != 0)
		return SL_EINVAL;
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	/* Before it is asked: what is typed ahead would be shown, or flushed. */
	if (!echo)
		(void)tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	(void)fputs(prompt, tty);
	(void)fflush(tty);
	rc = read_line(tty, line, size);
	if (!echo) {
		(void)tcsetattr(fileno(tty), TCSAFLUSH, &was);
		(void)fputc('\n', tty);
	}
	return rc;
}

/* No buffer of stdio's, which would keep the secret. */
static FILE *open_terminal(void)
{
	FILE *tty = fopen("/dev/tty", "r+e");

	if (tty)
		(void)setvbuf(tty, NULL, _IONBF, 0);
	return tty;
}

int secret_ask(const char *prompt, char *line, int size)
{
	FILE *tty = open_terminal();
	int rc = tty ? ask(tty, prompt, true, line, size) : SL_EINVAL;

	if (tty)
		(void)fclose(tty);
	return rc;
}

static int ask_twice(FILE *tty, const char *prompt, const char *secret)
{
	char second[PKI_PASSWORD_MAX];
	int rc;

	(void)fputs("Again. ", tty);
	rc = ask(tty, prompt, false, second, sizeof(second));
	if (rc == 0 && strcmp(secret, second) != 0)
		rc = SL_EMISMATCH;
	OPENSSL_cleanse(second, sizeof(second));
	return rc;
}

int secret_read(const char *prompt, const char *file, bool again, char ret_secret[PKI_PASSWORD_MAX])
{
	struct pki_error err;
	FILE *tty;
	int rc;

	if (file) {
		rc = pki_password_read(file, ret_secret, &err);
		if (rc != 0)
			(void)sms_fail(SMS_USAGE, "%s; %s", err.text, err.remedy);
		return rc == 0 ? 0 : SL_EINVAL;
	}
	tty = open_terminal();
	rc = tty ? ask(tty, prompt, false, ret_secret, PKI_PASSWORD_MAX) : SL_EINVAL;
	if (rc == 0 && again)
		rc = ask_twice(tty, prompt, ret_secret);
	if (tty)
		(void)fclose(tty);
	if (rc == SL_EMISMATCH)
		(void)sms_fail(SMS_USAGE, "these are two passwords");
	else if (rc != 0)
		(void)sms_fail(SMS_USAGE, "there is no terminal to ask on; give --password-file");
	if (rc != 0)
		OPENSSL_cleanse(ret_secret, PKI_PASSWORD_MAX);
	return rc == 0 ? 0 : SL_EINVAL;
}
