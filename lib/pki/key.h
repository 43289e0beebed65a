/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys from files and from bytes. On a device only the process `keys` (and `tpsd --check`,
 * to say that a key does not fit) calls this, in the SMS the import; what it returns is
 * EVP_PKEY_free'd by the caller. One thread at a time.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"
#include "lib/pki/error.h"

/*
 * Loads the private key of a certificate: PEM or DER (PKCS#8, PKCS#1, SEC1; encrypted ones with
 * the password file) or PKCS12. The file must be closed to group and others: else SL_EPERM with
 * the chmod to do. `leaf` (may be NULL): the key
 * must be this certificate's, else SL_EMISMATCH. Other errors: SL_ENOENT, SL_EMALFORMED,
 * SL_EUNSUPPORTED (see pki_chain_load), SL_EPERM (password).
 */
int pki_key_load(const struct pki_files *files, const X509 *leaf, EVP_PKEY **ret_key,
                 struct pki_error *err) SL_NONNULL(1, 3, 4) SL_MUST;

/*
 * The same for a process without a file system: the parent has opened the files. `key_fd` is that
 * of private_key, or of certificate where that is "" (PKCS12); `password_fd` is -1 without a
 * password file. Both stay the caller's; the paths in `files` are for errors.
 */
int pki_key_load_fd(const struct pki_files *files, int key_fd, int password_fd, const X509 *leaf,
                    EVP_PKEY **ret_key, struct pki_error *err) SL_NONNULL(1, 5, 6) SL_MUST;

/*
 * The same from bytes. SL_EMALFORMED, SL_EPERM (password), SL_EREFUSED: its password is stretched
 * by more rounds than `bytes` may cost, SL_ENOENT (a PKCS12 file without one), SL_ELIMIT.
 */
int pki_key_read(const struct pki_bytes *bytes, EVP_PKEY **ret_key, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* SL_EMISMATCH in words when the key is not the certificate's. The names are for them. */
int pki_key_check(const EVP_PKEY *key, const char *key_name, const X509 *leaf,
                  const char *leaf_name, struct pki_error *err) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* The key is the one in the certificate. */
bool pki_key_matches(const EVP_PKEY *key, const X509 *cert) SL_NONNULL(1, 2);

/* As pki_cert_key_id() of the key's certificate. SL_ECRYPTO. */
int pki_key_id(const EVP_PKEY *key, uint8_t ret_id[32]) SL_NONNULL(1, 2) SL_MUST;
