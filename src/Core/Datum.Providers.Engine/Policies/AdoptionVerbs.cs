using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Policies;

/// <summary>A candidate of any kind.</summary>
public sealed record AdoptionCandidate(ImmutableArray<Part> Parts, MarkState Mark, string? Owner, Lifecycle State);

/// <summary>The ability to adopt of one kind in one session, with the kind erased. Rules DC-108 to DC-112.</summary>
public abstract class AdoptionVerbs
{
    /// <summary>Part of the step that adopts (DC-109).</summary>
    public const string Adopt = "adopt";

    /// <summary>Part of the step that lets go (DC-111).</summary>
    public const string Release = "release";

    public abstract ValueTask<Answer<AdoptionCandidate>> InspectAsync(Call call, Identity id, string providerId);

    public abstract ValueTask<StepResult> AdoptAsync(Operation operation, Identity id, string providerId);

    public abstract ValueTask<StepResult> ReleaseAsync(Operation operation, Identity id);

    internal static AdoptionVerbs? Of<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        verbs is IAdoption<TFacts> adoption ? new Typed<TFacts>(adoption) : null;

    private sealed class Typed<TFacts>(IAdoption<TFacts> adoption) : AdoptionVerbs where TFacts : ResourceFacts
    {
        public override async ValueTask<Answer<AdoptionCandidate>> InspectAsync(Call call, Identity id, string providerId)
        {
            var answer = await adoption.InspectAsync(call, id, providerId).ConfigureAwait(false);
            return answer.Error is { } error ? error : new AdoptionCandidate(answer.Value!.Parts, answer.Value.Mark, answer.Value.Owner, answer.Value.State);
        }

        public override async ValueTask<StepResult> AdoptAsync(Operation operation, Identity id, string providerId) =>
            StepResult.Of(await adoption.AdoptAsync(operation, id, providerId).ConfigureAwait(false));

        public override async ValueTask<StepResult> ReleaseAsync(Operation operation, Identity id) =>
            StepResult.Of(await adoption.ReleaseAsync(operation, id).ConfigureAwait(false));
    }
}
