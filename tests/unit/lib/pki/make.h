/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and files for tests of lib/pki and lib/conf, made as they are needed. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A folder below /tmp, removed with its files by make_folder_remove(). */
struct make_folder {
	char path[64];
};

void make_folder_create(struct make_folder *folder);
void make_folder_remove(struct make_folder *folder);

/* "FOLDER/NAME"; one of four static texts in turn. */
const char *make_path(const struct make_folder *folder, const char *name);

/* Writes a file with these rights. */
void make_file(const char *path, const void *data, size_t len, unsigned mode);

EVP_PKEY *make_rsa(unsigned bits);
EVP_PKEY *make_ec(const char *curve);

/*
 * A certificate of `key`. `names`: DNS names with commas between, NULL: no subjectAltName.
 * Signed by `issuer` and its key, NULL: by itself. Days from now.
 */
X509 *make_cert(EVP_PKEY *key, const char *common_name, const char *names, X509 *issuer,
                EVP_PKEY *issuer_key, int from_day, int to_day);

/* Files with the rights given; `password` NULL: not encrypted. */
void make_cert_pem(const char *path, X509 *cert, X509 *next, unsigned mode);
void make_key_pem(const char *path, EVP_PKEY *key, const char *password, unsigned mode);
void make_pkcs12(const char *path, EVP_PKEY *key, X509 *cert, X509 *ca, const char *password,
                 unsigned mode);

/* What a certificate is made of; what is left out is as a good leaf has it. */
struct make_spec {
	const char *common_name; /* NULL: an empty subject */
	EVP_PKEY *key;
	X509 *issuer; /* NULL: self-signed */
	EVP_PKEY *issuer_key;
	int from, to;            /* days from now; both 0: -1 to 30 */
	const char *names;       /* subjectAltName as in openssl.cnf; NULL: none */
	const char *basic;       /* basicConstraints; NULL: "critical,CA:FALSE", "": none */
	const char *usage;       /* keyUsage; NULL: as basic asks for, "": none */
	const char *extended;    /* extendedKeyUsage; NULL: serverAuth for leaves, "": none */
	const char *constraints; /* nameConstraints */
	const EVP_MD *md;        /* NULL: SHA-256 */
	bool version_1;          /* and no extensions */
	bool no_key_ids;
};

X509 *make_from(const struct make_spec *spec);

/* As make_cert, a version 3 CA right by RFC 5280: CA true, keyCertSign and cRLSign, SKI, AKI. */
X509 *make_ca(EVP_PKEY *key, const char *common_name, X509 *issuer, EVP_PKEY *issuer_key,
              int from_day, int to_day);

/*
 * Sets an extension in OpenSSL's text form, in place of one of that kind. The signature is no
 * longer right: make_sign. `issuer` (may be NULL) is who an AKI is taken from.
 */
void make_extension(X509 *cert, X509 *issuer, int nid, const char *value);
void make_sign(X509 *cert, EVP_PKEY *issuer_key, const EVP_MD *md);

/* Sets the subjectAltName n0.many.test, n1.many.test and so on. */
void make_many_names(X509 *cert, unsigned count);

/* A CRL of these certificates (NULL: none), from the day before now. */
X509_CRL *make_crl(X509 *issuer, EVP_PKEY *issuer_key, X509 *revoked, int to_day);

/*
 * An OCSP response (DER, free()) about `cert`, from the day before now, with a status
 * V_OCSP_CERTSTATUS_*. `signer`: who signs it, brought along when it is not the issuer.
 */
uint8_t *make_staple(X509 *cert, X509 *issuer, X509 *signer, EVP_PKEY *signer_key, int status,
                     int to_day, size_t *ret_len);

/* The certificate with the bytes of `from` replaced by `to` in its DER, wherever they stand. */
X509 *make_patched(X509 *cert, const void *from, const void *to, size_t len);
