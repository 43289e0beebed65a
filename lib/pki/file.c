/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files that may hold secrets. The rights are checked on what was opened, not on a name. */
#include "lib/pki/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"

static int check_rights(const char *path, const struct stat *st, struct pki_error *err)
{
	char remedy[PKI_ERROR_REMEDY_MAX];

	if (st->st_mode & (S_IRWXG | S_IRWXO)) {
		(void)snprintf(remedy, sizeof(remedy), "chmod 0600 %s", path);
		return pki_error_set(err, SL_EPERM, remedy,
		                     "%s: group or others can get at this file (mode %04o)", path,
		                     (unsigned)st->st_mode & 07777);
	}
	return 0;
}

static int check_file(const char *path, int fd, bool private, size_t *ret_len,
                      struct pki_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return pki_error_set(err, SL_ESYS, "", "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return pki_error_set(err, SL_EINVAL, "name a plain file", "%s is no plain file",
		                     path);
	if (st.st_size > PKI_FILE_MAX)
		return pki_error_set(err, SL_ELIMIT, "name a file of certificates or a key",
		                     "%s is larger than %d MiB", path,
		                     PKI_FILE_MAX / (1024 * 1024));
	*ret_len = (size_t)st.st_size;
	return private ? check_rights(path, &st, err) : 0;
}

static int read_fd(const char *path, int fd, struct pki_file *file, struct pki_error *err)
{
	size_t got = 0;

	while (got < file->len) {
		ssize_t n = read(fd, file->data + got, file->len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pki_error_set(err, SL_ESYS, "", "%s: %s", path, strerror(errno));
		if (n == 0)
			break;
		got += (size_t)n;
	}
	file->len = got;
	return 0;
}

int pki_file_read_fd(int fd, const char *path, bool private, struct pki_file *ret_file,
                     struct pki_error *err)
{
	struct pki_file file = {0};
	size_t size;
	int rc = check_file(path, fd, private, &file.len, err);

	if (rc != 0)
		return rc;
	size = file.len + 1;
	file.data = calloc(1, size);
	if (!file.data)
		return pki_error_set(err, SL_ENOMEM, "", "out of memory");
	rc = read_fd(path, fd, &file, err);
	if (rc != 0) {
		OPENSSL_cleanse(file.data, size);
		free(file.data);
		return rc;
	}
	*ret_file = file;
	return 0;
}

int pki_file_read(const char *path, bool private, struct pki_file *ret_file, struct pki_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return pki_error_set(err, errno == ENOENT ? SL_ENOENT : SL_ESYS,
		                     "check the path and who may read it", "%s: %s", path,
		                     strerror(errno));
	rc = pki_file_read_fd(fd, path, private, ret_file, err);
	(void)close(fd);
	return rc;
}

void pki_file_fini(struct pki_file *file)
{
	if (file->data)
		OPENSSL_cleanse(file->data, file->len);
	free(file->data);
	*file = (struct pki_file){0};
}

static int take_password(const char *path, struct pki_file *file, char *ret_password,
                         struct pki_error *err)
{
	size_t len = strcspn((const char *)file->data, "\r\n");
	int rc = 0;

	if (len >= PKI_PASSWORD_MAX)
		rc = pki_error_set(err, SL_ELIMIT, "use a shorter password",
		                   "%s: the first line is longer than %d bytes", path,
		                   PKI_PASSWORD_MAX - 1);
	else
		memcpy(ret_password, file->data, len);
	pki_file_fini(file);
	return rc;
}

int pki_password_read_fd(int fd, const char *path, char ret_password[PKI_PASSWORD_MAX],
                         struct pki_error *err)
{
	struct pki_file file;
	int rc;

	memset(ret_password, 0, PKI_PASSWORD_MAX);
	if (fd < 0)
		return 0;
	rc = pki_file_read_fd(fd, path, true, &file, err);
	return rc ? rc : take_password(path, &file, ret_password, err);
}

int pki_password_read(const char *path, char ret_password[PKI_PASSWORD_MAX], struct pki_error *err)
{
	struct pki_file file;
	int rc;

	memset(ret_password, 0, PKI_PASSWORD_MAX);
	if (path[0] == '\0')
		return 0;
	rc = pki_file_read(path, true, &file, err);
	return rc ? rc : take_password(path, &file, ret_password, err);
}

void pki_password_remedy(struct pki_error *err, int rc, const char *password)
{
	if (rc == SL_EPERM)
		(void)snprintf(err->remedy, sizeof(err->remedy), "%s",
		               password[0] ? "check the first line of its password_file"
		                           : "name a password_file");
}
