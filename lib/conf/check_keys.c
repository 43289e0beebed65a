/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/check_keys.h"

#include <stdio.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/pki/cert.h"
#include "lib/pki/key.h"

static int check_key(const struct config_certificate *cert, struct pki_error *err)
{
	const struct pki_files files = {
	        .certificate = cert->certificate,
	        .private_key = cert->private_key,
	        .password_file = cert->password_file,
	        .chain = cert->chain,
	        .format = (enum pki_format)cert->format,
	};
	struct pki_chain *chain;
	EVP_PKEY *key;
	int rc = pki_chain_load(&files, &chain, err);

	if (rc != 0)
		return rc;
	rc = pki_key_load(&files, chain->leaf, &key, err);
	if (rc == 0)
		EVP_PKEY_free(key);
	pki_chain_destroy(chain);
	return rc;
}

int config_check_keys(const struct config *c, const char *file, struct conf_errors *errs)
{
	int first = 0;

	for (size_t i = 0; i < c->certificates_count; i++) {
		struct pki_error err;
		char pointer[64];
		int rc;

		if (c->certificates[i].key_id[0])
			continue;
		rc = check_key(&c->certificates[i], &err);
		(void)snprintf(pointer, sizeof(pointer), "/certificates/%zu/private_key", i);
		if (rc == SL_ESYS)
			conf_errors_notice(
			        errs, NULL, "check as root",
			        "the key of the certificate \"%s\" was not looked at: %s",
			        c->certificates[i].name, err.text);
		else if (rc != 0)
			(void)conf_errors_add_at(errs, file, 0, 0, pointer, rc, err.remedy, "%s",
			                         err.text);
		if (rc != 0 && rc != SL_ESYS && first == 0)
			first = rc;
	}
	return first;
}
