using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Sdk;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>What people do with their own hands, at the ledger and at the platform.</summary>
internal sealed partial class FaultWorld
{
    /// <summary>Between two requests of a person's program, so that hosts see what is between them.</summary>
    private static readonly TimeSpan PersonsPace = TimeSpan.FromSeconds(1);

    /// <summary>What the ProviderConfig says of findings.</summary>
    public FindingsStatus? Found => Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")?.Status?.Findings;

    /// <summary>Lets go of an entry as <c>datum-providers abandon</c> does, and of an owner that has nothing left.</summary>
    public async Task AbandonAsync(ManagedResource entry)
    {
        var done = PersonAsync(entry);
        await UntilAsync("the entry is abandoned", () => done.IsCompleted);
        await done;
    }

    /// <summary>The mark of an entry as pairs for the platform.</summary>
    public static JsonObject MarkOf(ResourceKind kind, string name, string installation = Installation) => new(
        Marks.ToPairs(new Mark { Installation = installation, Kind = kind, Name = name, Incarnation = 1 }).Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value)));

    /// <summary>A Secret with the credential, which the ProviderConfig names.</summary>
    public void CreateCredential() =>
        Create(Core.Secrets, new Secret { Metadata = { Name = "cloud", Namespace = "datum-providers" }, Data = new() { ["token"] = Encoding.UTF8.GetBytes(Credential) } });

    /// <summary>A new version of the credential. The platform accepts the old one until <see cref="SimulatedCloud.EndRotation"/>.</summary>
    public void RotateCredential(string credential)
    {
        Cloud.Rotate(credential);
        Other.Rotate(credential);
        Credential = credential;
        Plane.Edit(Core.Secrets, "datum-providers", "cloud", s => s.Data!["token"] = Encoding.UTF8.GetBytes(credential));
    }

    private async Task PersonAsync(ManagedResource entry)
    {
        var client = new SlowClient(Plane, Time, PersonsPace);
        while (true)
        {
            var home = new HomePlane { Client = client, Installation = entry.Spec.Installation, Namespace = "", Entries = new ObjectCache<ManagedResource>(), Configs = new ObjectCache<ProviderConfig>() };
            home.Prepare();
            try
            {
                await new LedgerStore(home).ReleaseAsync(entry, CancellationToken.None);
                break;
            }
            catch (KubernetesException e) when (e.IsConflict && Plane.Peek(ResourceTypes.ManagedResources, null, entry.Metadata.Name!) is { } now && now.Metadata.Uid == entry.Metadata.Uid)
            {
                // A host wrote in between: the person calls again.
                entry = now;
            }
        }
        await ReleaseOwnerAsync(ResourceTypes.Instances, entry.Spec.Owner);
        await ReleaseOwnerAsync(ResourceTypes.Networks, entry.Spec.Owner);
        await ReleaseOwnerAsync(ResourceTypes.NetworkContexts, entry.Spec.Owner);
        await ReleaseOwnerAsync(ResourceTypes.Subnets, entry.Spec.Owner);
    }

    private Task ReleaseOwnerAsync<T>(ResourceType<T> type, ResourceOwner owner) where T : KubeObject
    {
        if (owner.Kind == type.Kind && !Entries.Any(e => e.Spec.Owner.Uid == owner.Uid)
            && Plane.Peek(type, owner.Namespace, owner.Name) is { IsDeleting: true } live && live.Metadata.Uid == owner.Uid && live.Metadata.HasFinalizer(Finalizers.Platform))
            Plane.Edit(type, owner.Namespace, owner.Name, o => o.Metadata.Finalizers!.Remove(Finalizers.Platform));
        return Task.CompletedTask;
    }

    /// <summary>A person's program at some distance from the API server.</summary>
    private sealed class SlowClient(FakePlane plane, ManualScheduler time, TimeSpan pace) : IKubernetesClient
    {
        public async Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
        {
            await time.Delay(pace, cancellation);
            return await plane.FindAsync(type, key, cancellation);
        }

        public async Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
        {
            await time.Delay(pace, cancellation);
            return await plane.ListAsync(type, options, cancellation);
        }

        public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => plane.CreateAsync(type, value, cancellation);

        public async Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
        {
            await time.Delay(pace, cancellation);
            return await plane.PatchAsync(type, key, patch, subresource, cancellation);
        }

        public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
            plane.DeleteAsync(type, key, preconditions, cancellation);

        public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => plane.WatchAsync(type, options, cancellation);
    }
}
