/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of errors. */
#include "lib/pki/error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_text(struct pki_error *err, int code, const char *remedy, const char *fmt,
                     va_list ap) SL_PRINTF(4, 0);

static void set_text(struct pki_error *err, int code, const char *remedy, const char *fmt,
                     va_list ap)
{
	err->code = code;
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	(void)snprintf(err->remedy, sizeof(err->remedy), "%s", remedy);
}

int pki_error_set(struct pki_error *err, int code, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(err, code, remedy, fmt, ap);
	va_end(ap);
	return code;
}

int pki_error_set_openssl(struct pki_error *err, int code, const char *remedy, const char *fmt, ...)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	set_text(err, code, remedy, fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	if (reason)
		(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", reason);
	ERR_clear_error();
	return code;
}
