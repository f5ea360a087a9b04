using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Faults.Tests;

/// <summary>The world's API server is one in memory, for its speed. What the host depends on it must do as the embedded plane does.</summary>
[Category("Faults")]
internal sealed class PlaneAgreementTests
{
    private static readonly ResourceType<ManagedResource> Type = ResourceTypes.ManagedResources;

    [Test]
    public async Task The_worlds_API_server_answers_as_the_embedded_plane()
    {
        await using var server = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = Host.Composition.RuleRegistration.Create() });
        await using var client = new KubernetesClient(new KubernetesConnection
        {
            Server = server.Address, Token = "t", Authorities = [X509Certificate2.CreateFromPem(server.CertificatePem)],
        });
        await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), CancellationToken.None);
        var embedded = await TellAsync(client);
        var ours = await TellAsync(new FakePlane(new ManualScheduler()));
        Assert.That(ours, Is.EqualTo(embedded));
        Assert.That(ours, Has.Count.GreaterThan(15));
    }

    /// <summary>One life of an entry with everything that can be refused, as lines that don't depend on versions and times.</summary>
    private static async Task<List<string>> TellAsync(IKubernetesClient client)
    {
        var said = new List<string>();
        var key = new ObjectKey(null, "0123456789abcdef0123456789abcdef");
        var made = await client.CreateAsync(Type, Entry(key.Name), CancellationToken.None);
        await SayAsync("created", () => Task.FromResult<ManagedResource?>(made));
        await SayAsync("again", async () => await client.CreateAsync(Type, Entry(key.Name), CancellationToken.None));
        await SayAsync("status alone", async () => await client.PatchAsync(Type, key, Patch.Merge(new JsonObject { ["status"] = new JsonObject { ["state"] = "Ready" }, ["spec"] = new JsonObject { ["wanted"] = false } }), "status", CancellationToken.None));
        await SayAsync("no status by the main path", async () => await client.PatchAsync(Type, key, Patch.Merge(new JsonObject { ["status"] = new JsonObject { ["state"] = "Else" } }), null, CancellationToken.None));
        await SayAsync("old version", async () => await client.PatchAsync(Type, key, Patch.Merge(Patches.Guard(new JsonObject { ["spec"] = new JsonObject { ["wanted"] = false } }, made.Metadata.ResourceVersion!)), null, CancellationToken.None));
        var newest = (await client.FindAsync(Type, key, CancellationToken.None))!;
        await SayAsync("newest version", async () => await client.PatchAsync(Type, key, Patch.Merge(Patches.Guard(new JsonObject { ["spec"] = new JsonObject { ["wanted"] = false } }, newest.Metadata.ResourceVersion!)), null, CancellationToken.None));
        var before = (await client.FindAsync(Type, key, CancellationToken.None))!.Metadata.ResourceVersion;
        await SayAsync("no effect", async () => await client.PatchAsync(Type, key, Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["wanted"] = false } }), null, CancellationToken.None));
        said.Add($"no effect: same version {before == (await client.FindAsync(Type, key, CancellationToken.None))!.Metadata.ResourceVersion}");
        await SayAsync("label", async () => await client.PatchAsync(Type, key, Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["a"] = "b" } } }), null, CancellationToken.None));
        said.Add($"selected: {(await client.ListAsync(Type, new ListOptions { LabelSelector = "a=b" }, CancellationToken.None)).Items.Count}, {(await client.ListAsync(Type, new ListOptions { LabelSelector = "a=c" }, CancellationToken.None)).Items.Count}");
        await SayAsync("wrong uid", async () => { await client.DeleteAsync(Type, key, new DeletePreconditions { Uid = "00000000-0000-4000-8000-999999999999" }, CancellationToken.None); return await client.FindAsync(Type, key, CancellationToken.None); });
        await SayAsync("deleted with a finalizer", async () => { await client.DeleteAsync(Type, key, new DeletePreconditions { Uid = made.Metadata.Uid }, CancellationToken.None); return await client.FindAsync(Type, key, CancellationToken.None); });
        await SayAsync("deleted again", async () => { await client.DeleteAsync(Type, key, null, CancellationToken.None); return await client.FindAsync(Type, key, CancellationToken.None); });
        await SayAsync("another finalizer", async () => await client.PatchAsync(Type, key, Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["finalizers"] = new JsonArray(Finalizers.Platform, "example.com/late") } }), null, CancellationToken.None));
        await SayAsync("last finalizer off", async () => await client.PatchAsync(Type, key, Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["finalizers"] = null } }), null, CancellationToken.None));
        await SayAsync("gone", async () => await client.FindAsync(Type, key, CancellationToken.None));
        await SayAsync("patch of nothing", async () => await client.PatchAsync(Type, key, Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["wanted"] = true } }), null, CancellationToken.None));
        await SayAsync("delete of nothing", async () => { await client.DeleteAsync(Type, key, null, CancellationToken.None); return null; });
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var events = new List<string>();
        await foreach (var change in client.WatchAsync(Type, new WatchOptions { ResourceVersion = made.Metadata.ResourceVersion! }, limit.Token))
        {
            if (change.Type != WatchEventType.Bookmark)
                events.Add($"{change.Type} {change.Object!.Metadata.Generation}");
            if (change.Type == WatchEventType.Deleted)
                break;
        }
        said.Add("watched: " + string.Join(", ", events));
        return said;

        async Task SayAsync(string what, Func<Task<ManagedResource?>> call)
        {
            try
            {
                said.Add(await call() is { } o
                    ? $"{what}: generation {o.Metadata.Generation} wanted {o.Spec.Wanted} state {o.Status?.State} deleting {o.IsDeleting} finalizers {o.Metadata.Finalizers?.Count ?? 0}" : $"{what}: nothing");
            }
            catch (KubernetesException e)
            {
                said.Add($"{what}: {e.Code} {e.Reason}");
            }
        }
    }

    private static ManagedResource Entry(string name) => Type.Stamp(new ManagedResource
    {
        Metadata = { Name = name, Finalizers = [Finalizers.Platform] },
        Spec =
        {
            Installation = "test", Kind = "Network", Slot = "net", Driver = "simulator", ProviderConfig = "sim", Wanted = true,
            Owner = new ResourceOwner { Plane = "p", ApiVersion = "networking.datumapis.com/v1alpha", Kind = "Network", Namespace = "default", Name = "default", Uid = "00000000-0000-4000-8000-000000000001" },
            Record = new ResourceRecord { Incarnation = 1 },
        },
    });
}
