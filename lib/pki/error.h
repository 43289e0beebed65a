/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a certificate, key or password file, in words: OpenSSL's codes alone help
 * nobody. Any thread.
 */
#pragma once

#include "lib/base/attr.h"

enum { PKI_ERROR_TEXT_MAX = 512, PKI_ERROR_REMEDY_MAX = 256 };

struct pki_error {
	int code;                          /* SL_E* */
	char text[PKI_ERROR_TEXT_MAX];     /* what is wrong, with the file's name */
	char remedy[PKI_ERROR_REMEDY_MAX]; /* what to do about it; may be "" */
};

/* Fills in `err`; returns `code`. */
int pki_error_set(struct pki_error *err, int code, const char *remedy, const char *fmt, ...)
        SL_NONNULL(1, 3, 4) SL_PRINTF(4, 5);

/* The same with OpenSSL's last reason behind the text; empties OpenSSL's queue. */
int pki_error_set_openssl(struct pki_error *err, int code, const char *remedy, const char *fmt, ...)
        SL_NONNULL(1, 3, 4) SL_PRINTF(4, 5);
