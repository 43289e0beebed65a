/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the headers Authorization and Cookie, a NUL between, as anyone can send them. What is
 * taken is a piece of one of them without a separator in it, and only a whole secret has a digest.
 */
#include <stdlib.h>
#include <string.h>

#include "smsd/auth/auth_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct credential *credential, const char *header)
{
	const char *prefix = credential->is_token ? TOKEN_PREFIX : "";
	uint8_t digest[SECRET_DIGEST_SIZE];

	if (credential->text[0] == '\0' || !strstr(header, credential->text) ||
	    strpbrk(credential->text, " \t") ||
	    (!credential->is_token && strchr(credential->text, ';')))
		abort();
	if (secret_digest(prefix, credential->text, digest) == 0 &&
	    strlen(credential->text) != strlen(prefix) + SECRET_CHARS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 2); /* ends the first header, and the second */
	const char *authorization = text, *cookie;
	struct credential credential;

	if (!text)
		abort();
	memcpy(text, data, size);
	cookie = text + strlen(text) + 1;
	if (credential_read(authorization, cookie, &credential) == 0)
		check(&credential, credential.is_token ? authorization : cookie);
	(void)scopes_read(text);
	free(text);
	return 0;
}
