/* What BenchmarkWorldAllreduce measures, in C; see bench_test.go. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    int rank, calls = argc > 1 ? atoi(argv[1]) : 10000, granted;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &granted);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int n = 1; n <= 10000; n *= 100) {
        double *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        for (int i = 0; i < calls; i++)
            MPI_Allreduce(a, b, n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        if (rank == 0)
            printf("C Allreduce of %5d float64  %8d  %10.0f ns/op\n", n, calls, (MPI_Wtime() - start) * 1e9 / calls);
        free(a);
        free(b);
    }
    MPI_Finalize();
    return 0;
}
