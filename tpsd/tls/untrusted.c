/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/untrusted.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
#include "lib/pki/file.h"
#include "lib/pki/key.h"

enum { LIFE_DAYS = 3650 };

/*
 * P-256: nobody trusts it, so its strength is not the question; it is made in no time, where the
 * loop would stand still for an RSA key, and a signature that anyone outside can cause costs a
 * tenth. A client without ECDSA fails where others warn.
 */
static const enum pki_key_type key_type = PKI_KEY_P256;

static int parse_certificate(int fd, const char *path, X509 **ret_certificate)
{
	struct pki_chain *chain = NULL;
	struct pki_error err;
	struct pki_file file;
	int rc = pki_file_read_fd(fd, path, true, &file, &err);

	if (rc != 0)
		return rc;
	rc = pki_chain_parse(path, file.data, file.len, &chain, &err);
	pki_file_fini(&file);
	if (rc != 0)
		return rc;
	X509_up_ref(chain->leaf);
	*ret_certificate = chain->leaf;
	pki_chain_destroy(chain);
	return 0;
}

/* One that is not valid yet says that the clock is wrong, and nothing of the CA. */
static int check_dates(const X509 *certificate, int64_t now)
{
	struct pki_validity v;
	int rc = pki_issuer_check(certificate, now);

	if (rc == SL_EREFUSED && pki_cert_validity(certificate, now, &v) == 0 &&
	    v.status == PKI_NOT_YET_VALID)
		return 0;
	return rc == SL_EREFUSED ? SL_EEXPIRED : rc;
}

static bool is_own(X509 *certificate, EVP_PKEY *key)
{
	char subject[PKI_SUBJECT_MAX];

	return strstr(pki_cert_subject(certificate, subject), UNTRUSTED_CA_NAME) &&
	       X509_verify(certificate, key) == 1;
}

static int read_ca(int fd, const char *path, int64_t now, struct pki_issuer *ret_ca)
{
	const struct pki_files files = {.certificate = path,
	                                .private_key = path,
	                                .password_file = "",
	                                .chain = "",
	                                .format = PKI_FORMAT_PEM};
	struct pki_issuer ca = {0};
	struct pki_error err;
	int rc = parse_certificate(fd, path, &ca.certificate);

	if (rc == 0 && lseek(fd, 0, SEEK_SET) != 0)
		rc = SL_ESYS;
	if (rc == 0)
		rc = pki_key_load_fd(&files, fd, -1, ca.certificate, &ca.key, &err);
	if (rc == 0 && !is_own(ca.certificate, ca.key))
		rc = SL_EMISMATCH;
	if (rc == 0)
		rc = check_dates(ca.certificate, now);
	ERR_clear_error();
	if (rc != 0) {
		pki_issuer_fini(&ca);
		return rc;
	}
	*ret_ca = ca;
	return 0;
}

static int make_ca(int64_t now, struct pki_issuer *ret_ca)
{
	static const struct pki_subject subject = {.common_name = UNTRUSTED_CA_NAME};
	struct pki_error err;
	int rc = pki_ca_make(&subject, key_type, LIFE_DAYS, now, ret_ca, &err);

	if (rc != 0)
		log_critical("the untrusted CA cannot be made: %s", err.text);
	return rc;
}

static void write_ca(int fd, const char *path, const struct pki_issuer *ca)
{
	struct pki_error err;

	if (lseek(fd, 0, SEEK_SET) != 0 || ftruncate(fd, 0) != 0)
		log_error("%s cannot be written: %s; the next start makes another untrusted CA",
		          path, strerror(errno));
	else if (pki_issuer_write_fd(ca, fd, path, &err) != 0)
		log_error("%s; the next start makes another untrusted CA", err.text);
	else
		log_info("an untrusted CA was made and is kept in %s", path);
}

int untrusted_ca_open(int fd, const char *path, int64_t now, struct pki_issuer *ret_ca)
{
	bool empty = lseek(fd, 0, SEEK_END) == 0;
	int rc = empty ? SL_ENOENT : SL_ESYS;

	if (!empty && lseek(fd, 0, SEEK_SET) == 0)
		rc = read_ca(fd, path, now, ret_ca);
	if (rc == 0)
		return 0;
	if (!empty)
		log_warning("%s is not a usable untrusted CA (%s): it is made anew", path,
		            err_text(rc));
	rc = make_ca(now, ret_ca);
	if (rc == 0)
		write_ca(fd, path, ret_ca);
	return rc;
}
