using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Datum.Providers.ControlPlane.Export;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Testing;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>The series that there are, held to docs/reference/series.md, and what a round of them costs.</summary>
public sealed partial class SeriesTests : ICacheFactory
{
    private static readonly string[] s_every = ["__name__", "namespace", "resource_kind", "resource_name", "service_name"];
    private static readonly HashSet<string> s_default = new(["default"], StringComparer.Ordinal);
    private FakePlane _plane = null!;

    [SetUp]
    public void Make() => _plane = new FakePlane(new ManualScheduler(pumped: true));

    [Test]
    public void The_page_has_every_series_with_its_labels()
    {
        var plane = new PlaneSeries(this);
        Fill();
        _plane.Sync();
        var found = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        SeriesReceiver take = (ns, series, _) =>
        {
            Assert.That(series.Labels.Select(l => l.Key), Is.SupersetOf(s_every));
            Assert.That(ns, Is.EqualTo(series["namespace"]));
            if (!found.TryGetValue(series["__name__"], out var labels))
                found[series["__name__"]] = labels = new(StringComparer.Ordinal);
            labels.UnionWith(series.Labels.Select(l => l.Key).Except(s_every));
        };
        plane.Collect(s_default, take);
        new SinkCounters(new ObjectKey("default", "p"), "s").Collect(take);

        var rows = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        IReadOnlyList<string> last = [];
        foreach (var cells in File.ReadLines(Path.Combine(SharedFolder.RepositoryRoot, "docs", "reference", "series.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split('|')))
            rows[Word().Match(cells[1]).Groups[1].Value] = last = cells[2].Trim() == "the same" ? last : [.. Word().Matches(cells[2]).Select(m => m.Groups[1].Value)];

        Assert.Multiple(() =>
        {
            Assert.That(rows.Keys, Is.EquivalentTo(found.Keys));
            foreach (var (metric, labels) in found)
                Assert.That(rows.GetValueOrDefault(metric), Is.EquivalentTo(labels), metric);
        });
    }

    [Test]
    public void A_round_over_an_estate_at_rest_makes_no_series_anew()
    {
        var plane = new PlaneSeries(this);
        Fill(instances: 200);
        _plane.Sync();
        var (first, second) = (new List<Series>(), new List<Series>());
        plane.Collect(s_default, (_, series, _) => first.Add(series));
        plane.Collect(s_default, (_, series, _) => second.Add(series));
        var before = GC.GetAllocatedBytesForCurrentThread();
        plane.Collect(s_default, static (_, _, _) => { });
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.That(first, Has.Count.GreaterThan(1000));
        Assert.That(second.Zip(first).All(p => ReferenceEquals(p.First, p.Second)), Is.True);
        Assert.That(allocated, Is.LessThan(64 * 1024), "the caches' own snapshots");
    }

    [Test]
    public void A_change_of_the_Locations_driver_shows_without_one_of_the_instance()
    {
        var plane = new PlaneSeries(this);
        Fill();
        _plane.Sync();
        string Driver()
        {
            var drivers = new HashSet<string>(StringComparer.Ordinal);
            plane.Collect(s_default, (_, series, _) => drivers.Add(series["resource_kind"] == "Instance" ? series["driver"] : "-"));
            return string.Join(',', drivers.Where(d => d != "-"));
        }

        Assert.That(Driver(), Is.EqualTo("podman"));
        _plane.Edit(ResourceTypes.Locations, "default", "dfw", l => l.Spec.Provider = new() { ["simulator"] = l.Spec.Provider!["podman"] });
        Assert.That(Driver(), Is.EqualTo("simulator"));
    }

    [Test]
    public void Metrics_of_the_host_are_named_as_Prometheus_names_them_and_counted_by_their_tags()
    {
        using var meter = new Meter("Datum.Test.Series");
        using var meters = new MeterSeries(ns => ns == "operator", "Datum.Test.Series");
        var counter = meter.CreateCounter<long>("datum.test.calls", "{call}");
        counter.Add(2, new KeyValuePair<string, object?>("driver", "a"));
        counter.Add(3, new KeyValuePair<string, object?>("driver", "a"));
        counter.Add(1, new KeyValuePair<string, object?>("driver", "b"));
        meter.CreateUpDownCounter<int>("datum.test.depth").Add(-4);
        var gauges = new Dictionary<string, int> { ["x"] = 7 };
        meter.CreateObservableGauge("datum.test.gauge", () => gauges.Select(g => new Measurement<int>(g.Value, new KeyValuePair<string, object?>("of.what", g.Key))));
        var histogram = meter.CreateHistogram<double>("datum.test.time", "s", null, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 10] });
        foreach (var value in (double[])[0.5, 1, 5, 50])
            histogram.Record(value);

        Assert.That(Read("operator"), Is.EquivalentTo([
            """{__name__="datum_test_calls_total",driver="a",service_name="providers.datumapis.com"} 5""",
            """{__name__="datum_test_calls_total",driver="b",service_name="providers.datumapis.com"} 1""",
            """{__name__="datum_test_depth",service_name="providers.datumapis.com"} -4""",
            """{__name__="datum_test_gauge",of_what="x",service_name="providers.datumapis.com"} 7""",
            """{__name__="datum_test_time_seconds_bucket",le="1",service_name="providers.datumapis.com"} 2""",
            """{__name__="datum_test_time_seconds_bucket",le="10",service_name="providers.datumapis.com"} 3""",
            """{__name__="datum_test_time_seconds_bucket",le="+Inf",service_name="providers.datumapis.com"} 4""",
            """{__name__="datum_test_time_seconds_count",service_name="providers.datumapis.com"} 4""",
            """{__name__="datum_test_time_seconds_sum",service_name="providers.datumapis.com"} 56.5""",
        ]));
        gauges.Clear();
        Assert.That(Read("operator"), Has.None.Contain("gauge"), "what isn't reported any more is gone");
        Assert.That(Read("default"), Is.Empty);

        List<string> Read(string ns)
        {
            var read = new List<string>();
            meters.Collect(new HashSet<string>([ns]), (_, series, value) => read.Add($"{series} {value.ToString(System.Globalization.CultureInfo.InvariantCulture)}"));
            return read;
        }
    }

    [Test]
    public void A_measurement_of_known_tags_allocates_nothing_and_new_ones_end_at_a_limit()
    {
        using var meter = new Meter("Datum.Test.Limit");
        using var meters = new MeterSeries(_ => true, "Datum.Test.Limit");
        var counter = meter.CreateCounter<long>("datum.test.limit");
        object tag = "a";
        counter.Add(1, new KeyValuePair<string, object?>("tag", tag));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            counter.Add(1, new KeyValuePair<string, object?>("tag", tag));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1000));

        for (var i = 0; i < MeterSeries.MaxSeries + 100; i++)
            counter.Add(1, new KeyValuePair<string, object?>("tag", $"t{i}"));
        var series = 0;
        meters.Collect(s_default, (_, _, _) => series++);
        Assert.That(series, Is.EqualTo(MeterSeries.MaxSeries));
    }

    /// <summary>One of each kind, with everything that its status can say.</summary>
    private void Fill(int instances = 1)
    {
        var time = _plane.Time.Now;
        List<Condition> Conditions(params string[] types) => [.. types.Select(t => new Condition { Type = t, Status = "True", Reason = "R", Message = "", LastTransitionTime = time })];
        Add(ResourceTypes.Locations, "dfw", new Location { Spec = { Provider = new() { ["podman"] = System.Text.Json.JsonDocument.Parse("{}").RootElement } } }, _ => { });
        Add(ResourceTypes.Networks, "net", new Network(), n => n.Status = new NetworkStatus { Conditions = Conditions("Ready") });
        Add(ResourceTypes.Workloads, "web", new Workload(), w => w.Status = new WorkloadStatus { Conditions = Conditions("Available"), DesiredReplicas = 2, Replicas = 1 });
        Add(ResourceTypes.WorkloadDeployments, "web-dfw", new WorkloadDeployment { Spec = { WorkloadRef = { Name = "web" }, CityCode = "DFW" } },
            d => d.Status = new WorkloadDeploymentStatus { Conditions = Conditions("Available"), Location = new LocationReference { Name = "dfw", Namespace = "default" } });
        for (var i = 0; i < instances; i++)
        {
            var instance = new Instance { Spec = { Location = new LocationReference { Name = "dfw", Namespace = "default" } } };
            instance.Metadata.OwnerReferences = [new OwnerReference { ApiVersion = "compute.datumapis.com/v1alpha", Kind = "WorkloadDeployment", Name = "web-dfw", Uid = "u", Controller = true }];
            Add(ResourceTypes.Instances, $"web-dfw-{i}", instance, n => n.Status = new InstanceStatus { Conditions = Conditions("Ready", "Programmed", "Running") });
        }
    }

    private void Add<T>(ResourceType<T> type, string name, T value, Action<T> status) where T : KubeObject
    {
        (value.Metadata.Name, value.Metadata.Namespace) = (name, "default");
        _plane.Insert(type, type.Stamp(value));
        _plane.EditStatus(type, "default", name, status);
    }

    IObjectCache<T>? ICacheFactory.Cache<T>(ResourceType<T> type) => _plane.Cache(type);

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Word();
}
