using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Ledger;

/// <summary>Names and tokens of entries. All are hashes of what the entry is for, so that a lost ledger entry is made again under the same name.</summary>
public static class EntryIdentity
{
    /// <summary>The entry's name: 32 hex digits (128 bits) of SHA-256 over installation, plane, owner, kind and slot.</summary>
    public static string Name(string installation, string planeId, string ownerUid, ResourceKind kind, string slot) =>
        Hash(installation, planeId, ownerUid, kind.ToString(), slot);

    /// <summary>
    /// The token of a step: the same for each repetition whose effect isn't known, another one in the next incarnation and after
    /// an attempt that is known not to have been applied (a platform would answer the old token with the old failure).
    /// </summary>
    public static string Token(string entryName, long incarnation, string step, int refused) =>
        Hash(entryName, incarnation.ToString(System.Globalization.CultureInfo.InvariantCulture), step, refused.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The kind that an entry names; throws on a word that isn't one of the contract's.</summary>
    public static ResourceKind KindOf(ManagedResource entry) =>
        Enum.TryParse<ResourceKind>(entry.Spec.Kind, out var kind) && kind is not ResourceKind.Unknown
            ? kind
            : throw new InvalidDataException($"ManagedResource {entry.Metadata.Name}: spec.kind '{entry.Spec.Kind}' is no kind of the contract.");

    /// <summary>The identity that a driver is called with.</summary>
    public static Identity Of(ManagedResource entry) => new()
    {
        Installation = entry.Spec.Installation,
        Kind = KindOf(entry),
        Name = entry.Metadata.Name!,
        Incarnation = entry.Spec.Record.Incarnation,
        Hint = entry.Spec.Owner.Namespace is { } ns ? $"{ns}/{entry.Spec.Owner.Name}" : entry.Spec.Owner.Name,
        Parts = [.. (entry.Spec.Record.Parts ?? []).Select(p => new Part { Name = p.Name, Id = p.Id })],
        Resolved = entry.Spec.Record.Resolved?.ToImmutableDictionary() ?? [],
    };

    private static string Hash(params ReadOnlySpan<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
        {
            // Length first: no two lists of parts give the same bytes.
            hash.AppendData(BitConverter.GetBytes(part.Length));
            hash.AppendData(Encoding.UTF8.GetBytes(part));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
