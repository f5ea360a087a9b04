using Datum.Providers.Kubernetes;

namespace Datum.Providers.Testing;

/// <summary>A write that a <see cref="FakePlane"/> took or is about to take. Verb is create, patch or delete.</summary>
internal sealed record FakeWrite(string Verb, string Plural, ObjectKey Key, string? Subresource)
{
    public override string ToString() => Subresource is null ? $"{Verb} {Plural} {Key}" : $"{Verb} {Plural}/{Subresource} {Key}";
}

/// <summary>Everything that a <see cref="FakePlane"/> held at one moment, by kind and path.</summary>
internal sealed record FakeSnapshot(long Version, IReadOnlyDictionary<string, IReadOnlyDictionary<string, System.Text.Json.Nodes.JsonObject>> Kinds);
