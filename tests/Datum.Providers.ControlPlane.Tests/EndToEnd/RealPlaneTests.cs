using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>The controllers over the real client, reflectors and our CRDs, against a real API server: what we write passes the schemas.</summary>
[NonParallelizable]
public sealed class RealPlaneTests
{
    [Test]
    public async Task From_workload_to_available_and_back_to_nothing()
    {
        var server = await RealApiServer.SharedAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        await using var client = new KubernetesClient(KubeConfig.Load(server.KubeConfigPath), new KubernetesClientOptions());
        var ns = $"t-{Guid.NewGuid():N}"[..14];
        await client.CreateAsync(Core.Namespaces, new Namespace { ApiVersion = "v1", Kind = "Namespace", Metadata = new ObjectMeta { Name = ns } }, limit.Token);
        await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), limit.Token);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        var reflectors = new Reflectors(client, stop.Token);
        var caches = new PlaneCaches(reflectors);
        using var controllers = CoreControllers.Create(new CoreControllersOptions
        {
            Client = client,
            Scheduler = SystemScheduler.Instance,
            LoggerFactory = NullLoggerFactory.Instance,
            Caches = caches,
        });
        reflectors.Start();
        var run = controllers.RunAsync(stop.Token);
        var provider = new Provider(client, ns, limit.Token);

        async Task<T> Create<T>(ResourceType<T> type, T value, string name) where T : KubeObject
        {
            value.Metadata.Name = name;
            value.Metadata.Namespace = ns;
            return await client.CreateAsync(type, type.Stamp(value), limit.Token);
        }

        await Create(ResourceTypes.Locations, new Location
        {
            Spec =
            {
                LocationClassName = "self-managed",
                Topology = { [Labels.CityCode] = "DFW" },
                Provider = new() { ["fake"] = System.Text.Json.JsonDocument.Parse("{}").RootElement },
            },
        }, "here");
        await Create(ResourceTypes.Networks, new Network { Spec = { Ipam = { Mode = "Auto" }, IpFamilies = ["IPv4", "IPv6"] } }, "default");
        var sample = Path.Combine(SharedFolder.RepositoryRoot, "deploy", "samples", "12-workload-nginx-workload.yaml");
        var workload = System.Text.Json.JsonSerializer.Deserialize(LifecycleTests.ReadYaml(sample), ResourcesJsonContext.Default.Workload)!;
        await Create(ResourceTypes.Workloads, workload, "nginx-workload");

        await Until(provider, async () => World.Available((await client.FindAsync(ResourceTypes.Workloads, new(ns, "nginx-workload"), limit.Token))!)?.Status == "True", limit.Token);
        var instances = await client.ListAsync(ResourceTypes.Instances, new ListOptions { Namespace = ns }, limit.Token);
        var subnets = await client.ListAsync(ResourceTypes.Subnets, new ListOptions { Namespace = ns }, limit.Token);
        Assert.That(instances.Items.Select(i => i.Metadata.Name), Is.EqualTo(new[] { "nginx-workload-us-dfw-0" }));
        Assert.That(subnets.Items.Select(s => $"{s.Metadata.Name} {s.Status!.PrefixLength}"), Is.EqualTo(new[] { $"default-{ns}-here-0 20", $"default-{ns}-here-ipv6 64" }));

        await client.DeleteAsync(ResourceTypes.Networks, new(ns, "default"), null, limit.Token);
        await client.DeleteAsync(ResourceTypes.Locations, new(ns, "here"), null, limit.Token);
        await client.DeleteAsync(ResourceTypes.Workloads, new(ns, "nginx-workload"), null, limit.Token);
        await Until(provider, async () => await provider.LeftAsync() == 0, limit.Token);

        await stop.CancelAsync();
        await run.WaitAsync(TimeSpan.FromSeconds(20));
        await reflectors.Ended.WaitAsync(TimeSpan.FromSeconds(20));
    }

    private static async Task Until(Provider provider, Func<Task<bool>> condition, CancellationToken limit)
    {
        while (!await condition())
        {
            await provider.StepAsync();
            await Task.Delay(20, limit);
        }
    }

    private sealed class Reflectors(IKubernetesClient client, CancellationToken stop) : ICacheFactory
    {
        private readonly List<Func<Task>> _runs = [];

        public Task Ended { get; private set; } = Task.CompletedTask;

        public IObjectCache<T> Cache<T>(ResourceType<T> type) where T : KubeObject
        {
            var cache = new ObjectCache<T>();
            var reflector = new Reflector<T>(client, type, cache, SystemScheduler.Instance);
            _runs.Add(() => reflector.RunAsync(stop));
            return cache;
        }

        public void Start() => Ended = Task.WhenAll(_runs.Select(r => r()));
    }

    /// <summary>Says that the platform has everything, and keeps a finalizer on instances.</summary>
    private sealed class Provider(IKubernetesClient client, string ns, CancellationToken limit)
    {
        public async Task StepAsync()
        {
            await Set(ResourceTypes.Locations, l => (l.Status ??= new()).Conditions ??= [], l => [ConditionTypes.Accepted, ConditionTypes.Ready]);
            await Set(ResourceTypes.NetworkContexts, c => (c.Status ??= new()).Conditions ??= [], c => [ConditionTypes.Programmed]);
            await Set(ResourceTypes.Subnets, s => (s.Status ??= new()).Conditions ??= [], s => Conditions.IsTrue(s.Status?.Conditions, ConditionTypes.Allocated) ? [ConditionTypes.Programmed] : []);
            await Set(ResourceTypes.Instances, i => (i.Status ??= new()).Conditions ??= [], i =>
            {
                if (i.Spec.Controller?.SchedulingGates is { Count: > 0 })
                    return [];
                (i.Status ??= new()).Controller = new InstanceControllerStatus { ObservedTemplateHash = i.Spec.Controller!.TemplateHash };
                return [ConditionTypes.Programmed, ConditionTypes.Running];
            });
        }

        public async Task<int> LeftAsync() =>
            await Count(ResourceTypes.Workloads) + await Count(ResourceTypes.WorkloadDeployments) + await Count(ResourceTypes.Instances) + await Count(ResourceTypes.Networks)
            + await Count(ResourceTypes.NetworkBindings) + await Count(ResourceTypes.NetworkContexts) + await Count(ResourceTypes.SubnetClaims) + await Count(ResourceTypes.Subnets);

        private async Task<int> Count<T>(ResourceType<T> type) where T : KubeObject =>
            (await client.ListAsync(type, new ListOptions { Namespace = ns }, limit)).Items.Count;

        private async Task Set<T>(ResourceType<T> type, Func<T, List<Condition>> conditions, Func<T, string[]> good) where T : KubeObject
        {
            foreach (var value in (await client.ListAsync(type, new ListOptions { Namespace = ns }, limit)).Items)
            {
                var after = type.Clone(value);
                foreach (var kind in good(after))
                    Conditions.Set(conditions(after), kind, ConditionStatus.True, kind, "", value.Metadata.Generation, DateTimeOffset.UtcNow);
                if (Patches.Status(type, value, after) is not { } patch)
                    continue;
                try
                {
                    await client.PatchAsync(type, value.Key, patch, "status", limit);
                }
                catch (KubernetesException error) when (error.IsConflict || error.IsNotFound)
                {
                    continue;
                }
            }
        }
    }
}
