-- The metrics of the installation. A scrape reaches one process, so all of them count here.

-- Every process adds what it counted since its last report. Few rows, updated often: the free space lets PostgreSQL keep the
-- new version of a row beside the old one.
CREATE TABLE "rekey"."metrics" (
  -- As Prometheus writes it, such as 'resets{outcome="changed"}'.
  "series" TEXT NOT NULL,
  "value" BIGINT NOT NULL,
  CONSTRAINT "metrics_pkey" PRIMARY KEY ("series")
) WITH (fillfactor = 50);

-- One row for each process, until a day after its last report.
CREATE TABLE "rekey"."metric_processes" (
  "id" UUID NOT NULL,
  "kind" TEXT NOT NULL,
  -- The number of its last report: one that is sent again, because its response was lost, is not counted again.
  "report" INTEGER NOT NULL,
  "gauges" JSONB NOT NULL DEFAULT '{}',
  "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  CONSTRAINT "metric_processes_pkey" PRIMARY KEY ("id")
) WITH (fillfactor = 50);
