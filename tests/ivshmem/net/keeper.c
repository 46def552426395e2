/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * keeper PATH SIZE VECTORS: serves a region, as pvnctl ivshmem serve does, until stdin ends. Says
 * "serving", and answers each line on stdin with "clients N".
 */
#include <stdio.h>
#include <stdlib.h>

#include <pvn_ivshmem_peer.h>
#include <pvn_ivshmem_server.h>

int
main(int argc, char **argv)
{
	struct pvn_ivshmem_server_cfg cfg = {.name = "test"};
	struct pvn_ivshmem_client clients[16];
	struct pvn_ivshmem_server *server;
	char line[64];

	if (argc != 4)
		return 2;
	cfg.path = argv[1];
	cfg.size = strtoull(argv[2], NULL, 0);
	cfg.vectors = strtoul(argv[3], NULL, 0);
	if (pvn_ivshmem_server_new(&cfg, &server) < 0 || pvn_ivshmem_server_start(server) < 0) {
		printf("failed: %s\n", pvn_ivshmem_why());
		return 1;
	}
	printf("serving\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		printf("clients %u\n", pvn_ivshmem_server_clients(server, clients, 16));
		fflush(stdout);
	}
	pvn_ivshmem_server_free(server);
	return 0;
}
