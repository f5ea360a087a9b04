using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Conformance;

/// <summary>Wishes of one kind. Each is a function, since a wish may name others that the kit builds first.</summary>
public sealed record Sample
{
    /// <summary>Kinds that one object each is needed of, built first through the driver and shared by all resources of the case.</summary>
    public ImmutableArray<ResourceKind> Needs { get => field.IsDefault ? [] : field; init; }

    /// <summary>Kinds that every resource needs one of for itself (a data disk).</summary>
    public ImmutableArray<ResourceKind> NeedsOwn { get => field.IsDefault ? [] : field; init; }

    /// <summary>A wish that the platform fulfils. Two resources of one case may exist together: make addresses and ranges of <see cref="SampleContext.Number"/>.</summary>
    public required Func<SampleContext, ResourceSpec> Valid { get; init; }

    /// <summary>The same wish with a change that can be made in place; null when the kind knows none.</summary>
    public Func<SampleContext, ResourceSpec>? InPlace { get; init; }

    /// <summary>The same wish with a change that needs a new incarnation; null when the kind knows none.</summary>
    public Func<SampleContext, ResourceSpec>? Replacement { get; init; }

    /// <summary>Wishes that must be refused.</summary>
    public ImmutableArray<InvalidSample> Invalid { get => field.IsDefault ? [] : field; init; }

    /// <summary>Why nothing of this kind can be wished for in vain; needed when <see cref="Invalid"/> is empty.</summary>
    public string? NothingInvalid { get; init; }
}

/// <summary>A wish that must be refused, with the paths of the findings.</summary>
public sealed record InvalidSample
{
    /// <summary>A few words, e.g. <c>prefix with host bits</c>.</summary>
    public required string Why { get; init; }

    /// <summary>The wish.</summary>
    public required Func<SampleContext, ResourceSpec> Spec { get; init; }

    /// <summary>Paths that must be found fault with, as in <see cref="Finding.Path"/>; an element in brackets may be left out.</summary>
    public required ImmutableArray<string> Paths { get; init; }

    /// <summary>The capability that the finding must name; null when it is a plain error.</summary>
    public string? Capability { get; init; }
}

/// <summary>What a sample may refer to.</summary>
public sealed class SampleContext
{
    private readonly ConformanceWorld _world;
    private readonly Dictionary<ResourceKind, Reference> _references;

    internal SampleContext(ConformanceWorld world, int number, Dictionary<ResourceKind, Reference> references)
    {
        _world = world;
        Number = number;
        _references = references;
    }

    /// <summary>From 1; another for each resource of the case.</summary>
    public int Number { get; }

    /// <summary>The prerequisite of a kind that <see cref="Sample.Needs"/> or <see cref="Sample.NeedsOwn"/> names; without parts when nothing was built (validation).</summary>
    public Reference Refer(ResourceKind kind) =>
        _references.TryGetValue(kind, out var known) ? known : new Reference { Name = $"{(int)kind:x8}{new string('0', 24)}" };

    /// <summary>A payload of <see cref="ConformanceWorld.Payloads"/>, with the hash of its contents.</summary>
    public PayloadReference Payload(string name)
    {
        var content = _world.Payloads.FirstOrDefault(p => p.Name == name)
            ?? throw new InvalidOperationException($"The world's Payloads don't hold {name}.");
        return new PayloadReference { Name = name, Secret = content.Secret, Hash = HashOf(content) };
    }

    private static string HashOf(PayloadContent content)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, "conformance"u8);
        foreach (var (key, value) in content.Values.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(key + "\0"));
            hash.AppendData(value.Span);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
