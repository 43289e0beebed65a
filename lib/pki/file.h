/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of certificates, keys and passwords, read whole and bounded. Private ones must be readable
 * by their owner only, and their content is wiped when it is freed. `keys` and `control`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/error.h"

enum {
	PKI_FILE_MAX = 8 * 1024 * 1024, /* a system's CA bundle has a quarter of a MiB */
	PKI_PASSWORD_MAX = 1024,
};

struct pki_file {
	uint8_t *data; /* with a NUL behind it */
	size_t len;
};

/*
 * Reads a file. `private`: SL_EPERM when group or others have any right to it. SL_ENOENT, SL_EINVAL
 * (no plain file), SL_ELIMIT, SL_ESYS. Free with pki_file_fini.
 */
int pki_file_read(const char *path, bool private, struct pki_file *ret_file, struct pki_error *err)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* The same from an open descriptor, which stays the caller's; `path` is for errors. */
int pki_file_read_fd(int fd, const char *path, bool private, struct pki_file *ret_file,
                     struct pki_error *err) SL_NONNULL(2, 4, 5) SL_MUST;

/* Wipes and frees. */
void pki_file_fini(struct pki_file *file) SL_NONNULL(1);

/*
 * The first line of a password file without its line end; "" for path "". As private files.
 * The caller wipes `ret_password` (OPENSSL_cleanse).
 */
int pki_password_read(const char *path, char ret_password[PKI_PASSWORD_MAX], struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The same from an open descriptor; "" for fd -1. */
int pki_password_read_fd(int fd, const char *path, char ret_password[PKI_PASSWORD_MAX],
                         struct pki_error *err) SL_NONNULL(2, 3, 4) SL_MUST;

/* What the form from bytes says of a password, in the words of one that is in a file: for `rc`
 * SL_EPERM the remedy names the password file. */
void pki_password_remedy(struct pki_error *err, int rc, const char *password) SL_NONNULL(1, 3);
