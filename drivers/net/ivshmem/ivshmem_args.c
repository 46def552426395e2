/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Devargs of both ends.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include <rte_ether.h>
#include <rte_kvargs.h>

#include <pvn_devargs.h>

#include "ivshmem_pmd.h"

static const char *const keys[] = {"host",	"mac",	   "mac_check", "mtu",	"path",
				   "pool_size", "port",	   "rate",	"room", "serve",
				   "size",	"vectors", "zero_copy", NULL};

static int
take_texts(struct rte_kvargs *kvlist, struct ivshmem_args *args)
{
	const struct {
		const char *key;
		char **to;
	} texts[] = {
		{"host", &args->host}, {"mac", &args->mac},	{"path", &args->path},
		{"port", &args->port}, {"rate", &args->rate},	{"room", &args->room},
		{"size", &args->size}, {"serve", &args->serve},
	};
	int ret = 0;

	for (size_t i = 0; i < RTE_DIM(texts) && ret == 0; i++)
		ret = rte_kvargs_process(kvlist, texts[i].key, pvn_devargs_text, texts[i].to);
	return ret;
}

static int
take_numbers(struct rte_kvargs *kvlist, struct ivshmem_args *args)
{
	const struct {
		const char *key;
		uint32_t *to;
		uint32_t min, max;
	} numbers[] = {
		{"mac_check", &args->mac_check, 0, 1},
		{"mtu", &args->mtu, IVSHMEM_NET_MTU_MIN, IVSHMEM_NET_MTU_MAX},
		{"pool_size", &args->pool_size, 2 * PVN_GUESTDEV_RING_MIN, PVN_GUESTDEV_BUFS_MAX},
		{"vectors", &args->vectors, 1, IVSHMEM_VECTORS_MAX},
		{"zero_copy", &args->zero_copy, 0, 1},
	};
	int ret = 0;

	for (size_t i = 0; i < RTE_DIM(numbers) && ret == 0; i++) {
		struct pvn_devargs_number arg = {
			IVSHMEM_DRIVER, args->name,	ivshmem_logtype,
			numbers[i].to,	numbers[i].min, numbers[i].max,
		};

		ret = rte_kvargs_process(kvlist, numbers[i].key, pvn_devargs_number, &arg);
	}
	return ret;
}

/* One place, and nothing that has no meaning there. */
static bool
make_sense(const struct ivshmem_args *args)
{
	const int places = (args->path != NULL) + (args->host != NULL) + (args->serve != NULL);

	if (places != 1 || (args->serve != NULL) != (args->size != NULL))
		return false;
	return args->path == NULL || (args->rate == NULL && args->room == NULL);
}

int
ivshmem_args_parse(const char *text, struct ivshmem_args *args)
{
	struct rte_kvargs *kvlist = rte_kvargs_parse(text, keys);
	int ret = kvlist == NULL ? -EINVAL : 0;

	args->pool_size = PVN_GUESTDEV_BUFS_DEFAULT;
	args->mac_check = 1;
	args->vectors = 1;
	if (ret == 0)
		ret = take_texts(kvlist, args);
	if (ret == 0)
		ret = take_numbers(kvlist, args);
	rte_kvargs_free(kvlist);
	if (ret != 0)
		goto tell;
	if (make_sense(args))
		return 0;
tell:
	IVSHMEM_LOG(ERR, args->name,
		    "devargs '%s': expected, in a guest, path=PATH[,port=NAME][,zero_copy=0|1]"
		    "[,pool_size=N]; on the host, host=PATH or serve=PATH,size=BYTES[,vectors=N], "
		    "with [,port=NAME][,room=BYTES][,mac=MAC][,mac_check=0|1][,rate=BITS][,mtu=N]",
		    text);
	return -EINVAL;
}

int
ivshmem_args_parse_pci(const char *text, struct ivshmem_args *args)
{
	const bool some = text != NULL && text[0] != '\0';
	char with_path[512];

	/* What else may be said is as for a guest between processes. */
	snprintf(with_path, sizeof(with_path), "path=pci%s%s", some ? "," : "", some ? text : "");
	return ivshmem_args_parse(with_path, args);
}

void
ivshmem_args_free(struct ivshmem_args *args)
{
	free(args->path);
	free(args->host);
	free(args->serve);
	free(args->port);
	free(args->mac);
	free(args->rate);
	free(args->size);
	free(args->room);
}

int
ivshmem_args_amount(const struct ivshmem_args *args, const char *key, const char *text,
		    uint32_t thousand, uint64_t *value)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	unit = *end != '\0' ? strchr(units, toupper((unsigned char)*end)) : NULL;
	for (int i = 0; unit != NULL && i <= unit - units; i++) {
		if (*value > UINT64_MAX / thousand)
			errno = ERANGE;
		*value *= thousand;
	}
	end += unit != NULL;
	if (errno == 0 && isdigit((unsigned char)text[0]) && *end == '\0')
		return 0;
	IVSHMEM_LOG(ERR, args->name, "%s=%s: expected a number, with K, M or G behind it", key,
		    text);
	return -EINVAL;
}

int
ivshmem_args_mac(const struct ivshmem_args *args, struct rte_ether_addr *mac)
{
	if (rte_ether_unformat_addr(args->mac, mac) == 0 && rte_is_valid_assigned_ether_addr(mac))
		return 0;
	IVSHMEM_LOG(ERR, args->name,
		    "mac=%s: expected a MAC address of one port, as 02:00:00:00:00:01", args->mac);
	return -EINVAL;
}
