/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/identity.h"

#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
#include "lib/pki/key.h"
#include "smsd/base/problem.h"

enum { SERIAL_BITS = 159, DAY_S = 86400, DAYS = 3650, HOST_MAX = 64 /* of a common name */ };

struct files {
	char certificate[PATH_MAX], key[PATH_MAX];
};

static void name_files(const char *directory, struct files *ret)
{
	(void)snprintf(ret->certificate, sizeof(ret->certificate), "%s/server.crt", directory);
	(void)snprintf(ret->key, sizeof(ret->key), "%s/server.key", directory);
}

/* ---- making ------------------------------------------------------------------------------ */

static int add_name(GENERAL_NAMES *names, int type, const void *data, int len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();

	if (name && value && ASN1_STRING_set(value, data, len) == 1) {
		GENERAL_NAME_set0_value(name, type, value);
		if (sk_GENERAL_NAME_push(names, name) > 0)
			return 0;
		value = NULL;
	}
	ASN1_STRING_free(value);
	GENERAL_NAME_free(name);
	return SL_ENOMEM;
}

/* Addresses that others reach the host by, and loopback; link-local ones are nobody's name. */
static int add_addresses(GENERAL_NAMES *names)
{
	struct ifaddrs *all;
	int rc = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (const struct ifaddrs *i = all; i && rc == 0; i = i->ifa_next) {
		const struct sockaddr_in *v4 =
		        (const struct sockaddr_in *)(const void *)i->ifa_addr;
		const struct sockaddr_in6 *v6 =
		        (const struct sockaddr_in6 *)(const void *)i->ifa_addr;

		if (v4 && v4->sin_family == AF_INET)
			rc = add_name(names, GEN_IPADD, &v4->sin_addr, sizeof(v4->sin_addr));
		else if (v4 && v4->sin_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
			rc = add_name(names, GEN_IPADD, &v6->sin6_addr, sizeof(v6->sin6_addr));
	}
	freeifaddrs(all);
	return rc;
}

static int add_alt_names(X509 *cert, const char *host)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	int rc = names ? add_name(names, GEN_DNS, host, (int)strlen(host)) : SL_ENOMEM;

	if (rc == 0 && strcmp(host, "localhost") != 0)
		rc = add_name(names, GEN_DNS, "localhost", 9);
	if (rc == 0)
		rc = add_addresses(names);
	if (rc == 0 && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) != 1)
		rc = SL_ECRYPTO;
	GENERAL_NAMES_free(names);
	return rc;
}

static int add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int rc = extension && X509_add_ext(cert, extension, -1) == 1 ? 0 : SL_ECRYPTO;

	X509_EXTENSION_free(extension);
	return rc;
}

static int set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	int ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

	BN_free(number);
	return ok ? 0 : SL_ECRYPTO;
}

static int set_names(X509 *cert, const char *host)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	                                  (const unsigned char *)host, -1, -1, 0) == 1 &&
	                       X509_set_issuer_name(cert, name) == 1
	               ? 0
	               : SL_ECRYPTO;
}

static int fill(X509 *cert, EVP_PKEY *key, const char *host)
{
	int rc = set_serial(cert);

	if (rc == 0)
		rc = set_names(cert, host);
	if (rc == 0)
		rc = add_alt_names(cert, host);
	if (rc == 0)
		rc = add_extension(cert, NID_basic_constraints, "critical,CA:FALSE");
	if (rc == 0)
		rc = add_extension(cert, NID_key_usage, "critical,digitalSignature");
	if (rc == 0)
		rc = add_extension(cert, NID_ext_key_usage, "serverAuth");
	/* A clock that is a day slow somewhere is no reason to refuse a new installation. */
	if (rc == 0 && (X509_set_version(cert, X509_VERSION_3) != 1 ||
	                !X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) ||
	                !X509_time_adj_ex(X509_getm_notAfter(cert), DAYS, 0, NULL) ||
	                X509_set_pubkey(cert, key) != 1 || X509_sign(cert, key, EVP_sha256()) <= 0))
		rc = SL_ECRYPTO;
	return rc;
}

static void host_name(char host[HOST_MAX + 1])
{
	if (gethostname(host, HOST_MAX) != 0 || host[0] == '\0')
		(void)strcpy(host, "localhost");
	host[HOST_MAX] = '\0';
}

/* The key first: a start that ends between the two finds a key alone, and says so. */
static int make_files(const struct files *files, struct problem *problem)
{
	struct pki_error err;
	EVP_PKEY *key = NULL;
	X509 *cert = X509_new();
	char host[HOST_MAX + 1];
	int rc;

	host_name(host);
	rc = pki_key_make(PKI_KEY_P256, &key, &err);
	if (rc == 0 && (!cert || fill(cert, key, host) != 0))
		rc = pki_error_set(&err, SL_ECRYPTO, "", "the server's certificate cannot be made");
	if (rc == 0)
		rc = pki_key_write(files->key, key, NULL, &err);
	if (rc == 0)
		rc = pki_certificates_write(files->certificate, cert, NULL, &err);
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc == 0 ? 0 : problem_add_pki(problem, "", &err);
}

int identity_make(const char *directory, struct problem *problem)
{
	struct files files;

	name_files(directory, &files);
	if (access(files.certificate, F_OK) == 0 || access(files.key, F_OK) == 0)
		return 0;
	return make_files(&files, problem);
}

/* ---- loading ----------------------------------------------------------------------------- */

static int fingerprint(X509 *cert, char ret_text[IDENTITY_FINGERPRINT_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;
	size_t at = 0;

	if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
		return SL_ECRYPTO;
	for (unsigned i = 0; i < len; i++)
		at += (size_t)snprintf(ret_text + at, IDENTITY_FINGERPRINT_MAX - at, "%s%02X",
		                       i > 0 ? ":" : "", digest[i]);
	return 0;
}

static int make_context(X509 *leaf, STACK_OF(X509) * chain, EVP_PKEY *key, SSL_CTX **ret_ctx)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_use_cert_and_key(ctx, leaf, key, chain, 1) == 1) {
		(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
		*ret_ctx = ctx;
		return 0;
	}
	SSL_CTX_free(ctx);
	return SL_ECRYPTO;
}

int identity_load(const char *directory, SSL_CTX **ret_ctx,
                  char ret_fingerprint[IDENTITY_FINGERPRINT_MAX], struct problem *problem)
{
	struct pki_files what = {.private_key = "", .password_file = "", .chain = ""};
	struct pki_chain *chain = NULL;
	struct pki_error err;
	struct files files;
	EVP_PKEY *key = NULL;
	int rc;

	name_files(directory, &files);
	what.certificate = files.certificate;
	what.private_key = files.key;
	rc = pki_chain_load(&what, &chain, &err);
	if (rc == 0)
		rc = pki_key_load(&what, chain->leaf, &key, &err);
	if (rc == 0 && (fingerprint(chain->leaf, ret_fingerprint) != 0 ||
	                make_context(chain->leaf, chain->intermediates, key, ret_ctx) != 0))
		rc = pki_error_set(&err, SL_ECRYPTO, "use another certificate",
		                   "%s: TLS does not take it", files.certificate);
	EVP_PKEY_free(key);
	pki_chain_destroy(chain);
	return rc == 0 ? 0 : problem_add_pki(problem, "", &err);
}
