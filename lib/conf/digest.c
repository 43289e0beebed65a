/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/base/err.h"

/* Once a process, and kept. */
static const EVP_MD *sha256(void)
{
	static OSSL_LIB_CTX *library;
	static EVP_MD *md;

	if (!library)
		library = OSSL_LIB_CTX_new();
	if (library && !md)
		md = EVP_MD_fetch(library, "SHA2-256", NULL);
	return md;
}

int conf_digest(const void *data, size_t len, uint8_t ret_digest[CONF_DIGEST_LEN])
{
	const EVP_MD *md = sha256();

	if (!md || EVP_Digest(len > 0 ? data : "", len, ret_digest, NULL, md, NULL) != 1)
		return SL_ECRYPTO;
	return 0;
}
