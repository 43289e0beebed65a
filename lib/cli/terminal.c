/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/err.h"

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

int terminal_ask(const char *prompt, bool echo, char *line, int size)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	int rc;

	if (!tty)
		return SL_EINVAL;
	/* No buffer of stdio's, which would keep the secret. */
	(void)setvbuf(tty, NULL, _IONBF, 0);
	rc = ask(tty, prompt, echo, line, size);
	(void)fclose(tty);
	return rc;
}
