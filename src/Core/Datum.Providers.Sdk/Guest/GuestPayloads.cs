namespace Datum.Providers.Sdk;

/// <summary>The contents of config maps and secrets that an instance names, read before rendering. Values never appear in its text.</summary>
public sealed class GuestPayloads
{
    private readonly ImmutableDictionary<(string Name, bool Secret), ImmutableDictionary<string, ReadOnlyMemory<byte>>> _contents;

    private GuestPayloads(ImmutableDictionary<(string, bool), ImmutableDictionary<string, ReadOnlyMemory<byte>>> contents) => _contents = contents;

    /// <summary>No payload at all.</summary>
    public static GuestPayloads Empty { get; } = new(ImmutableDictionary<(string, bool), ImmutableDictionary<string, ReadOnlyMemory<byte>>>.Empty);

    /// <summary>These and one more; one that was read as null is left out.</summary>
    public GuestPayloads With(PayloadReference payload, ImmutableDictionary<string, ReadOnlyMemory<byte>>? contents) =>
        contents is null ? this : new(_contents.SetItem((payload.Name, payload.Secret), contents));

    /// <summary>The contents, or null where the payload doesn't exist.</summary>
    public ImmutableDictionary<string, ReadOnlyMemory<byte>>? Find(PayloadReference payload) => _contents.GetValueOrDefault((payload.Name, payload.Secret));

    /// <summary>Reads every payload that the instance names, each once. Throws what <see cref="IPayloadReader"/> throws.</summary>
    public static async ValueTask<GuestPayloads> ReadAsync(Call call, InstanceSpec spec)
    {
        var payloads = Empty;
        foreach (var group in References(spec).GroupBy(r => (r.Name, r.Secret)))
        {
            // One that is optional in one place and required in another is required: the reader then says what is missing.
            var payload = group.FirstOrDefault(r => !r.Optional) ?? group.First();
            var reader = call.Payloads ?? throw new InvalidOperationException($"The call brings no reader, but the instance names '{payload.Name}'.");
            payloads = payloads.With(payload, await reader.ReadAsync(payload, call.Cancellation).ConfigureAwait(false));
        }
        return payloads;
    }

    /// <summary>Every payload that the instance names, in the order of the spec, repeated as often as it is named.</summary>
    public static IEnumerable<PayloadReference> References(InstanceSpec spec)
    {
        foreach (var volume in spec.Volumes)
            if (volume.Files is { } files)
                yield return files.Payload;
        if (spec.Sandbox is not { } sandbox)
            yield break;
        foreach (var secret in sandbox.PullSecrets)
            yield return secret;
        foreach (var variable in sandbox.Containers.SelectMany(c => c.Environment))
        {
            if (variable.From is { } from)
                yield return from.Payload with { Optional = from.Payload.Optional || from.Optional };
            if (variable.AllOf is { } all)
                yield return all;
        }
    }
}
