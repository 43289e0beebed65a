/* SPDX-License-Identifier: Apache-2.0 */
/* The key-encryption key: from a file that root or smsd alone can read, or from a passphrase. */
#include "smsd/vault/vault_priv.h"

#include <argon2.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/pki/file.h"
#include "smsd/base/problem.h"

/* Of argon2id; part of the format, since the store keeps the salt alone. */
enum { ARGON_PASSES = 3, ARGON_KIB = 64 * 1024, ARGON_LANES = 1 };

enum { HEX_SIZE = 2 * VAULT_KEY_SIZE };

const char *source_name(const struct vault_source *source)
{
	if (!source->key_file == !source->passphrase)
		return NULL;
	return source->key_file ? "file" : "passphrase";
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t without_line_end(const uint8_t *bytes, size_t len)
{
	if (len > HEX_SIZE && bytes[len - 1] == '\n')
		len--;
	if (len > HEX_SIZE && bytes[len - 1] == '\r')
		len--;
	return len;
}

int source_parse(const uint8_t *bytes, size_t len, uint8_t ret_key[VAULT_KEY_SIZE])
{
	uint8_t key[VAULT_KEY_SIZE];
	int bad = 0;

	if (len == VAULT_KEY_SIZE) {
		memcpy(ret_key, bytes, VAULT_KEY_SIZE);
		return 0;
	}
	if (without_line_end(bytes, len) != HEX_SIZE)
		return SL_EMALFORMED;
	for (size_t i = 0; i < VAULT_KEY_SIZE; i++) {
		int high = hex_digit(bytes[2 * i]), low = hex_digit(bytes[2 * i + 1]);

		bad |= high < 0 || low < 0;
		key[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	if (!bad)
		memcpy(ret_key, key, sizeof(key));
	OPENSSL_cleanse(key, sizeof(key));
	return bad ? SL_EMALFORMED : 0;
}

/* Who owns the file can read it whatever its mode says. */
static int check_owner(const char *path, int fd, struct problem *problem)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return problem_add(problem, SL_ESYS, "", "", "%s: %s", path, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return problem_add(problem, SL_EPERM, "", "give it to root: chown root",
		                   "%s: this key file belongs to another user", path);
	return 0;
}

static int read_key_file(const char *path, int fd, uint8_t ret_key[VAULT_KEY_SIZE],
                         struct problem *problem)
{
	struct pki_error err;
	struct pki_file file;
	int rc = check_owner(path, fd, problem);

	if (rc != 0)
		return rc;
	if (pki_file_read_fd(fd, path, true, &file, &err) != 0)
		return problem_add_pki(problem, "", &err);
	rc = source_parse(file.data, file.len, ret_key);
	pki_file_fini(&file);
	if (rc != 0)
		(void)problem_add(problem, rc, "", "name the key file that smsd made",
		                  "%s: a key file has 32 bytes or 64 hexadecimal digits", path);
	return rc;
}

static int file_key(const char *path, uint8_t ret_key[VAULT_KEY_SIZE], struct problem *problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return problem_add(problem, errno == ENOENT ? SL_ENOENT : SL_ESYS, "",
		                   "check the path and who may read it", "%s: %s", path,
		                   strerror(errno));
	rc = read_key_file(path, fd, ret_key, problem);
	(void)close(fd);
	return rc;
}

static int passphrase_key(const char *passphrase, const uint8_t *salt,
                          uint8_t ret_key[VAULT_KEY_SIZE], struct problem *problem)
{
	size_t len = strlen(passphrase);

	if (len < VAULT_PASSPHRASE_MIN || len > VAULT_PASSPHRASE_MAX)
		return problem_add(problem, SL_EINVAL, "", "use several words",
		                   "a passphrase has %d to %d bytes", VAULT_PASSPHRASE_MIN,
		                   VAULT_PASSPHRASE_MAX);
	if (argon2id_hash_raw(ARGON_PASSES, ARGON_KIB, ARGON_LANES, passphrase, len, salt,
	                      VAULT_SALT_SIZE, ret_key, VAULT_KEY_SIZE) != ARGON2_OK)
		return problem_add(problem, SL_ENOMEM, "", "", "argon2id needs %d MiB of memory",
		                   ARGON_KIB / 1024);
	return 0;
}

int source_key(const struct vault_source *source, const uint8_t *salt,
               uint8_t ret_key[VAULT_KEY_SIZE], struct problem *problem)
{
	if (!source_name(source))
		return problem_add(problem, SL_EINVAL, "", "name one of them",
		                   "the vault opens by a key file or by a passphrase");
	if (source->key_file)
		return file_key(source->key_file, ret_key, problem);
	return passphrase_key(source->passphrase, salt, ret_key, problem);
}

static int make_text(char text[HEX_SIZE + 2])
{
	uint8_t key[VAULT_KEY_SIZE];

	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return SL_ECRYPTO;
	(void)hex_text(key, sizeof(key), text);
	text[HEX_SIZE] = '\n';
	OPENSSL_cleanse(key, sizeof(key));
	return 0;
}

/* A key file whose name is lost by a power cut after the vault was sealed by it loses the vault. */
static bool sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[4096];
	bool ok;
	int fd;

	(void)snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path + 1) : 1,
	               slash ? path : ".");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool write_key(const char *path, int fd, const char *text)
{
	return write(fd, text, HEX_SIZE + 1) == HEX_SIZE + 1 && fsync(fd) == 0 &&
	       sync_directory(path);
}

int vault_key_file_make(const char *path, struct problem *problem)
{
	char text[HEX_SIZE + 2];
	int fd, rc = 0;

	if (make_text(text) != 0)
		return problem_add(problem, SL_ECRYPTO, "", "", "there are no random bytes");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		rc = problem_add(problem, errno == EEXIST ? SL_EEXIST : SL_ESYS, "",
		                 "name a file that is not there", "%s: %s", path, strerror(errno));
	} else if (!write_key(path, fd, text)) {
		rc = problem_add(problem, SL_ESYS, "", "", "%s: %s", path, strerror(errno));
		(void)unlink(path);
	}
	if (fd >= 0)
		(void)close(fd);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}
