/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "lib/pki/file.h"

enum sms_exit file_put(json_t *body, const char *key, const char *path, bool secret)
{
	struct pki_error err;
	struct pki_file file;
	int rc = SL_ENOMEM;
	char *text;
	size_t len;

	if (pki_file_read(path, secret, &file, &err) != 0)
		return sms_fail(SMS_USAGE, "%s%s%s", err.text, err.remedy[0] ? "; " : "",
		                err.remedy);
	text = malloc(BASE64_CHARS(file.len) + 1);
	if (text) {
		len = base64_encode(file.data, file.len, text);
		rc = json_object_set_new(body, key, json_stringn(text, len)) == 0 ? 0 : SL_ENOMEM;
		OPENSSL_cleanse(text, len);
		free(text);
	}
	pki_file_fini(&file);
	return rc == 0 ? SMS_OK : sms_fail(SMS_REFUSED, "%s", err_text(rc));
}

static FILE *create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!file)
		(void)sms_fail(SMS_REFUSED, "%s: %s", path, strerror(errno));
	return file;
}

FILE *file_create(const char *path)
{
	return create(path, 0600);
}

enum sms_exit file_write(const char *path, const void *data, size_t len, bool secret)
{
	enum sms_exit status = SMS_OK;
	FILE *f = stdout;

	if (path)
		f = create(path, secret ? 0600 : 0644);
	if (!f)
		return SMS_REFUSED;
	/* No copy of a private key in stdio's buffer. */
	if (secret)
		(void)setvbuf(f, NULL, _IONBF, 0);
	if (len > 0 && fwrite(data, len, 1, f) != 1)
		status = sms_fail(SMS_REFUSED, "%s: %s", path ? path : "standard output",
		                  strerror(errno));
	if (path && fclose(f) != 0 && status == SMS_OK)
		status = sms_fail(SMS_REFUSED, "%s: %s", path, strerror(errno));
	if (path && status != SMS_OK)
		(void)unlink(path);
	return status;
}
