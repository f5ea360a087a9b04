using System.Text;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>Reads config maps and secrets of the owner's namespace, and only those that the entry's desired state names (law L14).</summary>
public sealed class PayloadSource(Func<string, IKubernetesClient?> planeById) : IPayloadSource
{
    public IPayloadReader? For(ManagedResource entry)
    {
        if (entry.Spec.Desired is not { } desired || entry.Spec.Owner.Namespace is not { } ns || planeById(entry.Spec.Owner.Plane) is not { } client)
            return null;
        var named = new HashSet<(string Name, bool Secret)>();
        Collect(desired, named);
        return named.Count == 0 ? null : new Reader(client, ns, named);
    }

    /// <summary>A payload reference is the only object of a spec that has both a name and a secret flag.</summary>
    private static void Collect(JsonElement value, HashSet<(string, bool)> named)
    {
        if (value.ValueKind is JsonValueKind.Array)
            foreach (var item in value.EnumerateArray())
                Collect(item, named);
        if (value.ValueKind is not JsonValueKind.Object)
            return;
        if (value.TryGetProperty("secret", out var secret) && secret.ValueKind is JsonValueKind.True or JsonValueKind.False && value.TryGetProperty("name", out var name))
            named.Add((name.GetString()!, secret.GetBoolean()));
        foreach (var member in value.EnumerateObject())
            Collect(member.Value, named);
    }

    private sealed class Reader(IKubernetesClient client, string ns, HashSet<(string, bool)> named) : IPayloadReader
    {
        public async ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation)
        {
            if (!named.Contains((payload.Name, payload.Secret)))
                throw new InvalidOperationException($"The desired state doesn't name the {(payload.Secret ? "secret" : "config map")} '{payload.Name}'.");
            var key = new ObjectKey(ns, payload.Name);
            var values = ImmutableDictionary.CreateBuilder<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
            if (payload.Secret)
            {
                if (await client.FindAsync(Core.Secrets, key, cancellation).ConfigureAwait(false) is not { } secret)
                    return Missing(payload);
                foreach (var (k, v) in secret.Data ?? [])
                    values[k] = v;
            }
            else
            {
                if (await client.FindAsync(Core.ConfigMaps, key, cancellation).ConfigureAwait(false) is not { } map)
                    return Missing(payload);
                foreach (var (k, v) in map.Data ?? [])
                    values[k] = Encoding.UTF8.GetBytes(v);
                foreach (var (k, v) in map.BinaryData ?? [])
                    values[k] = v;
            }
            return values.ToImmutable();
        }

        private ImmutableDictionary<string, ReadOnlyMemory<byte>>? Missing(PayloadReference payload) => payload.Optional
            ? null
            : throw new DriverException(new DriverError
            {
                Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied,
                Message = $"The {(payload.Secret ? "secret" : "config map")} {ns}/{payload.Name} doesn't exist.",
            });
    }
}

/// <summary>Reads owners live at their plane.</summary>
public sealed class OwnerReader(ProjectPlane plane, Func<string, IKubernetesClient?> planeById) : IOwnerReader
{
    public bool IsKnown(ResourceOwner owner)
    {
        var key = new ObjectKey(owner.Namespace, owner.Name);
        KubeObject? known = owner.Plane != plane.Id ? null : owner.Kind switch
        {
            "Instance" => plane.Instances.Find(key),
            "Network" => plane.Networks.Find(key),
            "NetworkContext" => plane.NetworkContexts.Find(key),
            "Subnet" => plane.Subnets.Find(key),
            _ => null,
        };
        return known?.Metadata.Uid == owner.Uid;
    }

    public async ValueTask<OwnerState> ReadAsync(ResourceOwner owner, CancellationToken cancellation)
    {
        if (planeById(owner.Plane) is not { } client)
            return OwnerState.Unknown;
        try
        {
            var key = new ObjectKey(owner.Namespace, owner.Name);
            var metadata = owner.Kind switch
            {
                "Instance" => (await client.FindAsync(Resources.ResourceTypes.Instances, key, cancellation).ConfigureAwait(false))?.Metadata,
                "Network" => (await client.FindAsync(Resources.ResourceTypes.Networks, key, cancellation).ConfigureAwait(false))?.Metadata,
                "NetworkContext" => (await client.FindAsync(Resources.ResourceTypes.NetworkContexts, key, cancellation).ConfigureAwait(false))?.Metadata,
                "Subnet" => (await client.FindAsync(Resources.ResourceTypes.Subnets, key, cancellation).ConfigureAwait(false))?.Metadata,
                _ => throw new InvalidDataException($"No owner of kind {owner.Kind} is known."),
            };
            return metadata is null || metadata.Uid != owner.Uid ? OwnerState.Gone
                : metadata.DeletionTimestamp is null ? OwnerState.Exists : OwnerState.Deleting;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException)
        {
            return OwnerState.Unknown;
        }
    }
}
