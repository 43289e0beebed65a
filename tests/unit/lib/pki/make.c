/* SPDX-License-Identifier: Apache-2.0 */
/* A test that cannot make its material ends at once. */
#include "tests/unit/lib/pki/make.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUST(what)                                                                                 \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

void make_folder_create(struct make_folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/sluice-unit-XXXXXX");
	MUST(mkdtemp(folder->path));
}

void make_folder_remove(struct make_folder *folder)
{
	DIR *dir = opendir(folder->path);
	struct dirent *entry;

	MUST(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(folder->path);
}

const char *make_path(const struct make_folder *folder, const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", folder->path, name);
	return path;
}

void make_file(const char *path, const void *data, size_t len, unsigned mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	MUST(fd >= 0);
	MUST(write(fd, data, len) == (ssize_t)len);
	MUST(fchmod(fd, mode) == 0);
	MUST(close(fd) == 0);
}

EVP_PKEY *make_rsa(unsigned bits)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	MUST(key);
	return key;
}

EVP_PKEY *make_ec(const char *curve)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	MUST(key);
	return key;
}

static void add_names(X509 *cert, const char *names)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	char *copy = strdup(names);
	char *rest = copy;
	char *name;

	while ((name = strsep(&rest, ","))) {
		GENERAL_NAME *n = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();

		MUST(ASN1_STRING_set(text, name, -1));
		GENERAL_NAME_set0_value(n, GEN_DNS, text);
		MUST(sk_GENERAL_NAME_push(list, n));
	}
	MUST(X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0));
	GENERAL_NAMES_free(list);
	free(copy);
}

X509 *make_cert(EVP_PKEY *key, const char *common_name, const char *names, X509 *issuer,
                EVP_PKEY *issuer_key, int from_day, int to_day)
{
	static long serial = 4096;
	X509 *cert = X509_new();
	X509_NAME *name;

	MUST(cert);
	MUST(X509_set_version(cert, 2));
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++));
	MUST(X509_time_adj_ex(X509_getm_notBefore(cert), from_day, 0, NULL));
	MUST(X509_time_adj_ex(X509_getm_notAfter(cert), to_day, 0, NULL));
	MUST(X509_set_pubkey(cert, key));
	name = X509_get_subject_name(cert);
	MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	                                (const unsigned char *)common_name, -1, -1, 0));
	MUST(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name));
	if (names)
		add_names(cert, names);
	MUST(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
	return cert;
}

static void write_bio(const char *path, BIO *bio, unsigned mode)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	make_file(path, data, (size_t)len, mode);
	BIO_free(bio);
}

void make_cert_pem(const char *path, X509 *cert, X509 *next, unsigned mode)
{
	BIO *bio = BIO_new(BIO_s_mem());

	MUST(PEM_write_bio_X509(bio, cert));
	MUST(!next || PEM_write_bio_X509(bio, next));
	write_bio(path, bio, mode);
}

void make_key_pem(const char *path, EVP_PKEY *key, const char *password, unsigned mode)
{
	BIO *bio = BIO_new(BIO_s_mem());

	MUST(PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_128_cbc() : NULL, password,
	                                   password ? (int)strlen(password) : 0, NULL, NULL));
	write_bio(path, bio, mode);
}

void make_pkcs12(const char *path, EVP_PKEY *key, X509 *cert, X509 *ca, const char *password,
                 unsigned mode)
{
	STACK_OF(X509) *more = sk_X509_new_null();
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *p12;

	MUST(!ca || sk_X509_push(more, ca));
	p12 = PKCS12_create(password, "site", key, cert, more, 0, 0, 0, 0, 0);
	MUST(p12 && i2d_PKCS12_bio(bio, p12));
	PKCS12_free(p12);
	sk_X509_free(more);
	write_bio(path, bio, mode);
}
