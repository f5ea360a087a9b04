using Datum.Providers.DevPlane;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Cli.Trace;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Instance = Datum.Providers.Resources.Compute.Instance;
using Workload = Datum.Providers.Resources.Compute.Workload;

namespace Datum.Providers.Host.Tests.Trace;

/// <summary>Reading a plane: how many requests, what is told of what can't be read.</summary>
public sealed class ReaderTests
{
    /// <summary>Listings for an object of a namespace: 8 kinds there, 2 of Locations, configs, drivers, ledger, leases.</summary>
    private const int Listings = 14;

    [Test]
    public async Task The_number_of_requests_doesnt_grow_with_the_instances()
    {
        var folder = Directory.CreateTempSubdirectory("datum-trace-").FullName;
        try
        {
            await using var plane = await DevPlaneServer.StartAsync(new DevPlaneOptions { CelRules = RuleRegistration.Create() }, CancellationToken.None);
            var kubeconfig = Path.Combine(folder, "kubeconfig");
            plane.WriteKubeconfig(kubeconfig);
            var counter = new KubernetesRequestCounter();
            await using var client = new KubernetesClient(KubeConfig.Load(kubeconfig), new KubernetesClientOptions { Observer = counter });
            await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), CancellationToken.None);
            await CreateAsync(client, 0, 1);
            var gets = counter.Count("get");
            var few = await TraceAsync(client, counter);
            await CreateAsync(client, 1, 150);
            var many = await TraceAsync(client, counter);

            Assert.That((few, many), Is.EqualTo(((long)Listings, (long)Listings)));
            Assert.That((counter.Count("get") - gets, counter.Count("watch")), Is.EqualTo((0L, 0L)), "no object is read alone");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task A_kind_that_may_not_be_listed_is_a_gap_and_the_rest_goes_on()
    {
        var client = new Scripted { Refuse = { ["providerconfigs"] = 403, ["leases"] = 403 } };

        var plane = await new SnapshotReader(client, TimeProvider.System).ReadAsync(TraceTarget.Parse("workload/web", "default"), CancellationToken.None);

        Assert.That(plane.Gaps.Select(g => g.Plural), Is.EquivalentTo(new[] { "providerconfigs.providers.datumapis.com", "leases.coordination.k8s.io" }));
        Assert.That(plane.Workloads, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Who_may_not_list_Locations_everywhere_lists_them_in_the_namespace()
    {
        var client = new Scripted { RefuseEverywhere = { "locations" } };

        var plane = await new SnapshotReader(client, TimeProvider.System).ReadAsync(TraceTarget.Parse("workload/web", "default"), CancellationToken.None);

        Assert.That(plane.Gaps, Is.Empty);
        Assert.That(plane.Locations, Is.Not.Empty);
    }

    [Test]
    public async Task A_kind_that_the_plane_doesnt_serve_is_said_with_what_installs_it()
    {
        var client = new Scripted { Refuse = { ["workloads"] = 404 } };

        var error = await FailsAsync(client, "workload/web");

        Assert.That(error.Message, Does.Contain("workloads in namespace default can't be listed").And.Contain("datum-providers crds"));
    }

    [TestCase("workload/wbe", "There is no Workload wbe in namespace default. Near: web.")]
    [TestCase("dmr/none", "There is no ManagedResource none.")]
    public async Task What_isnt_there_is_said_with_near_names(string target, string message)
    {
        var error = await FailsAsync(new Scripted(), target);

        Assert.That((error.ExitCode, error.Message), Is.EqualTo((1, message)));
    }

    [TestCase(null, true, "datum-dev.kubeconfig")]
    [TestCase("", true, "datum-dev.kubeconfig")]
    [TestCase("/a:/b", true, null)]
    [TestCase(null, false, null)]
    public void What_dev_wrote_is_used_where_nothing_else_is_named(string? variable, bool isThere, string? expected) =>
        Assert.That(PlaneConnection.DevelopmentKubeconfig(n => n == "KUBECONFIG" ? variable : "/h", _ => isThere), Is.EqualTo(expected));

    private static async Task<CliException> FailsAsync(IKubernetesClient client, string target)
    {
        try
        {
            await TraceCommand.RunAsync(client, TimeProvider.System, TraceTarget.Parse(target, "default"), false,
                new ConsoleOutput(new CliTerminal { Out = TextWriter.Null, Error = TextWriter.Null }, OutputFormat.Text, ColorMode.Never), CancellationToken.None);
        }
        catch (CliException e)
        {
            return e;
        }
        throw new AssertionException("It was found.");
    }

    private static async Task<long> TraceAsync(KubernetesClient client, KubernetesRequestCounter counter)
    {
        var before = counter.Count("list");
        await TraceCommand.RunAsync(client, TimeProvider.System, TraceTarget.Parse("workload/web", "default"), true,
            new ConsoleOutput(new CliTerminal { Out = TextWriter.Null, Error = TextWriter.Null }, OutputFormat.Text, ColorMode.Never), CancellationToken.None);
        return counter.Count("list") - before;
    }

    private static async Task CreateAsync(KubernetesClient client, int from, int count)
    {
        var scene = new Scene(from + count);
        if (from == 0)
            await client.CreateAsync(ResourceTypes.Workloads, Bare(ResourceTypes.Workloads, scene.Workload), CancellationToken.None);
        foreach (var instance in scene.Plane.Instances.Skip(from))
            await client.CreateAsync(ResourceTypes.Instances, Bare(ResourceTypes.Instances, instance), CancellationToken.None);

        static T Bare<T>(ResourceType<T> type, T value) where T : KubeObject
        {
            value.Metadata = new ObjectMeta { Namespace = value.Metadata.Namespace, Name = value.Metadata.Name };
            if (value is Instance instance)
                instance.Spec.Runtime.Resources.InstanceType = "datumcloud/d1-standard-2";
            if (value is Workload workload)
                workload.Spec.Template.Spec.Runtime.Resources.InstanceType = "datumcloud/d1-standard-2";
            return type.Stamp(value);
        }
    }

    /// <summary>A plane with one Workload and one Location that refuses some listings.</summary>
    private sealed class Scripted : IKubernetesClient
    {
        public Dictionary<string, int> Refuse { get; } = [];

        /// <summary>Kinds that may be listed in a namespace only.</summary>
        public HashSet<string> RefuseEverywhere { get; } = [];

        public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject => Task.FromResult<T?>(null);

        public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
        {
            if (Refuse.TryGetValue(type.Plural, out var code) || (RefuseEverywhere.Contains(type.Plural) && options.Namespace is null && (code = 403) > 0))
                throw new KubernetesException(code, code == 403 ? "Forbidden" : "NotFound", "no");
            var scene = new Scene();
            List<T> items = typeof(T) == typeof(Workload) ? [(T)(object)scene.Workload] : typeof(T) == typeof(Location) ? [(T)(object)scene.Location] : [];
            return Task.FromResult(new Kubernetes.ListPage<T> { Items = items, ResourceVersion = "1" });
        }

        public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public IAsyncEnumerable<Kubernetes.WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();
    }
}
