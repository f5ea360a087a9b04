using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Composition;

/// <summary>Which plane an installation belongs to: a ConfigMap in the host's namespace.</summary>
/// <param name="Installation">Part of every mark and of every entry's name.</param>
/// <param name="Plane">The plane's id in every entry's name. It stays when the installation goes on at a restored plane.</param>
/// <param name="BoundTo">UID of the kube-system namespace of the plane that a person, or the first start, has confirmed.</param>
internal sealed record InstallationBinding(string Installation, string Plane, string BoundTo)
{
    /// <summary>The ConfigMap's name.</summary>
    public const string Name = "datum-providers-installation";

    /// <summary>What is read; null when there is none.</summary>
    /// <exception cref="FormatException">There is one, and it doesn't say what it must.</exception>
    public static async Task<InstallationBinding?> ReadAsync(IKubernetesClient client, string ns, CancellationToken cancellation)
    {
        if (await client.FindAsync(Core.ConfigMaps, new ObjectKey(ns, Name), cancellation) is not { } map)
            return null;
        string Value(string key) => map.Data?.GetValueOrDefault(key) is { Length: > 0 } value ? value : throw new FormatException($"ConfigMap {ns}/{Name} lacks data.{key}.");
        var binding = new InstallationBinding(Value("installation"), Value("plane"), Value("boundTo"));
        return IsId(binding.Installation) ? binding : throw new FormatException($"ConfigMap {ns}/{Name}: data.installation '{binding.Installation}' must be 1 to 16 of [a-z0-9].");
    }

    /// <summary>Creates or replaces it.</summary>
    public async Task WriteAsync(IKubernetesClient client, string ns, CancellationToken cancellation)
    {
        var data = new Dictionary<string, string> { ["installation"] = Installation, ["plane"] = Plane, ["boundTo"] = BoundTo };
        if (await client.FindAsync(Core.ConfigMaps, new ObjectKey(ns, Name), cancellation) is not { } map)
            await client.CreateAsync(Core.ConfigMaps, new ConfigMap { ApiVersion = "v1", Kind = "ConfigMap", Metadata = new ObjectMeta { Name = Name, Namespace = ns }, Data = data }, cancellation);
        else
            await client.PatchAsync(Core.ConfigMaps, map.Key, Patch.Merge(new JsonObject
            {
                // Two persons who say different things: the second one is told.
                ["metadata"] = new JsonObject { ["resourceVersion"] = map.Metadata.ResourceVersion },
                ["data"] = new JsonObject(data.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))),
            }), null, cancellation);
    }

    public static bool IsId(string id) => id.Length is > 0 and <= 16 && id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c));

    /// <summary>12 characters of the plane's own identity: the same host over the same plane always has the same installation.</summary>
    public static string Derive(string planeUid) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("installation/" + planeUid)).AsSpan(0, 6));
}

/// <summary>What a host is at a plane, and whether it may change anything there.</summary>
/// <param name="Unconfirmed">Why it only observes; null when all is as it was bound.</param>
/// <param name="Bind">What is to be stored at the first start; null when something is there or nothing may be concluded.</param>
internal sealed record InstallationVerdict(string Installation, string Plane, string? Unconfirmed, InstallationBinding? Bind)
{
    private const string WhatToDo = "Say what this plane is: datum-providers installation continue, if it is the same one (restored from a backup); datum-providers installation fork, if it is a copy of one that lives on.";

    /// <summary>Pure.</summary>
    /// <param name="planeUid">UID of the plane's kube-system namespace now.</param>
    /// <param name="asked">What <c>--installation</c> says; null when it isn't given.</param>
    /// <param name="ledger">All entries that the plane has.</param>
    public static InstallationVerdict Judge(InstallationBinding? binding, string planeUid, string? asked, IReadOnlyCollection<ManagedResource> ledger)
    {
        if (binding is null)
        {
            // A host of an earlier version wrote no binding: its entries name the plane that they were made for.
            if (ledger.FirstOrDefault(e => e.Spec.Owner.Plane != planeUid) is { } stranger)
                return new(asked ?? stranger.Spec.Installation, stranger.Spec.Owner.Plane,
                    $"The ledger has entries of installation {stranger.Spec.Installation} that were made for plane {stranger.Spec.Owner.Plane}, and this one is {planeUid}. {WhatToDo}", null);
            var first = asked ?? InstallationBinding.Derive(planeUid);
            return new(first, planeUid, null, new InstallationBinding(first, planeUid, planeUid));
        }
        if (binding.BoundTo != planeUid)
            return new(binding.Installation, binding.Plane,
                $"Installation {binding.Installation} is bound to the plane whose namespace kube-system has the UID {binding.BoundTo}, and here it has {planeUid}. {WhatToDo}", null);
        if (asked is not null && asked != binding.Installation)
            return new(binding.Installation, binding.Plane,
                $"The host was started with --installation {asked}, and this plane is bound to {binding.Installation}: everything would be made a second time. Start it with --installation {binding.Installation} or without; or begin anew beside what is there: datum-providers installation fork --installation {asked}.", null);
        return new(binding.Installation, binding.Plane, null, null);
    }

    /// <summary>Reads everything that the verdict needs. What can't be read is no confirmation.</summary>
    public static async Task<InstallationVerdict> FindAsync(IKubernetesClient client, string ns, string planeUid, string? asked, CancellationToken cancellation)
    {
        InstallationVerdict Unreadable(string why) => new(asked ?? InstallationBinding.Derive(planeUid), planeUid, why, null);
        try
        {
            var binding = await InstallationBinding.ReadAsync(client, ns, cancellation);
            var ledger = binding is null ? await LedgerAsync(client, cancellation) : [];
            return Judge(binding, planeUid, asked, ledger);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            // No kind, no ledger: our kinds aren't installed yet.
            return Judge(null, planeUid, asked, []);
        }
        catch (FormatException e)
        {
            return Unreadable($"{e.Message} {WhatToDo}");
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            return Unreadable($"Which plane the installation is bound to can't be read: grant get, create and patch on configmaps in namespace {ns}, and list on managedresources.{ResourceTypes.ProvidersGroup} ({e.Message}).");
        }
    }

    public static async Task<List<ManagedResource>> LedgerAsync(IKubernetesClient client, CancellationToken cancellation)
    {
        var entries = new List<ManagedResource>();
        string? next = null;
        do
        {
            var page = await client.ListAsync(ResourceTypes.ManagedResources, new ListOptions { Limit = 500, Continue = next }, cancellation);
            entries.AddRange(page.Items);
            next = page.Continue;
        }
        while (!string.IsNullOrEmpty(next));
        return entries;
    }
}
