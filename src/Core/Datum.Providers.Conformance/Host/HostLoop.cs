using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Conformance;

/// <summary>One ledger record as the host keeps it: all that is known of a resource between two calls.</summary>
internal sealed class Resource
{
    public required ResourceKind Kind { get; init; }
    public required Sample Sample { get; init; }
    public required SampleContext Context { get; init; }
    public required Identity Identity { get; set; }
    public required ResourceSpec Spec { get; set; }
    public Handle? Handle { get; set; }

    /// <summary>The handle of the last look: only with it a further one is the same observation (DC-26).</summary>
    public Handle? LastHandle { get; set; }

    /// <summary>The open intent (law L4).</summary>
    public Intent? Intent { get; set; }

    /// <summary>Attempts of each part that were known not to have been applied: each makes another token.</summary>
    public Dictionary<string, int> Attempts { get; } = [];

    /// <summary>Every step that was done, in order.</summary>
    public List<DoneStep> Steps { get; } = [];

    /// <summary>Since when looks without a gap have found nothing of what is recorded (law L6).</summary>
    public DateTimeOffset? AbsentSince { get; set; }

    /// <summary>The last look.</summary>
    public Seen? Last { get; set; }

    public Reference Refer() => new() { Name = Identity.Name, Parts = Identity.Parts };

    public string TokenOf(Step step) => Tokens.Of(Identity, step.Part, Attempts.GetValueOrDefault(step.Part));

    public void Record(ImmutableArray<Part> parts, ImmutableDictionary<string, string> resolved) => Identity = Identity with
    {
        // The order of the last report: the main part first.
        Parts = [.. parts, .. Identity.Parts.Where(k => parts.All(p => p.Name != k.Name))],
        Resolved = Identity.Resolved.SetItems(resolved),
    };

    /// <summary>A host that was killed keeps what was stored and nothing else.</summary>
    public Resource Forget() => new() { Kind = Kind, Sample = Sample, Context = Context, Identity = Identity, Spec = Spec, Intent = Intent };
}

/// <summary>What the host stores before a create that can't simply be repeated.</summary>
internal sealed record Intent(string Part, CreateClass Class, DateTimeOffset StartedAt, DateTimeOffset Deadline);

/// <summary>A step that was done.</summary>
/// <param name="Mutations">Requests that could change something.</param>
internal sealed record DoneStep(Step Step, string Token, Identity Identity, StepResult Result, int Mutations);

/// <summary>Where a case can put its hand in.</summary>
internal sealed record LoopHooks
{
    /// <summary>Before a step is called; the number counts steps from 0.</summary>
    public Func<int, Step, Task>? Before { get; init; }

    /// <summary>After a step, before its result is acted on.</summary>
    public Func<int, DoneStep, Task>? After { get; init; }

    /// <summary>Asked after each step's result was recorded: true ends the loop there.</summary>
    public Func<int, bool>? StopAfter { get; init; }
}

/// <summary>Tokens and names as the host makes them: 32 hex digits.</summary>
internal static class Tokens
{
    public static string Of(Identity id, string part, int attempt) =>
        Hash(string.Create(CultureInfo.InvariantCulture, $"{id.Name}/{id.Incarnation}/{part}/{attempt}"));

    public static string Name(ResourceKind kind, int number, string installation = "") => Hash(string.Create(CultureInfo.InvariantCulture, $"conformance/{installation}/{kind}/{number}"));

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];
}

/// <summary>The least that the host does, exactly as the contract says: look, record, one step, record; an effect that isn't known is looked for before it is done again.</summary>
internal static class HostLoop
{
    private const int MostRounds = 400;

    /// <summary>Builds and updates until nothing is left to do.</summary>
    public static async Task<Resource> BuildAsync(CaseRun run, Resource resource, LoopHooks? hooks = null)
    {
        var limit = run.World.Time.GetUtcNow() + run.World.BuildTimeout;
        var descriptor = run.KindOf(resource.Kind);
        for (var round = 0; round < MostRounds && run.World.Time.GetUtcNow() < limit; round++)
        {
            var verbs = (await run.SessionAsync()).Of(resource.Kind);
            var seen = await verbs.ObserveAsync(resource.Identity, resource.Spec, resource.Handle);
            (resource.Last, resource.LastHandle) = (seen, resource.Handle);
            if (seen.Error is { } error)
            {
                await WaitAfterAsync(run, error, $"{resource.Kind} can't be observed");
                continue;
            }

            if (seen.Presence == Presence.Ambiguous)
                throw new CaseFailedException($"{resource.Kind} became ambiguous while it was built: {Show.Of(seen.Candidates)} (L1).");
            if (seen.Presence == Presence.Present)
            {
                CaseRun.Expect(seen.Mark == MarkState.Ours, $"The mark of what was just built is {seen.Mark}: {seen} (DC-25, DC-35).");
                resource.Record(seen.Parts, seen.Resolved);
                if (resource.Intent is { } open && seen.Parts.Any(p => p.Name == open.Part))
                    resource.Intent = null;
            }

            if (seen.Failure is { } failure && seen.InProgress is null && seen.State == Lifecycle.Failed)
                throw new CaseFailedException($"{resource.Kind} failed: {Show.Of(failure)}.");
            if (seen.InProgress is { } progress)
            {
                resource.Handle = progress.Handle;
                await run.World.PassAsync(progress.LookAgainAfter);
                continue;
            }

            resource.Handle = null;
            if (seen.Presence != Presence.Absent || resource.Identity.Parts.IsEmpty)
                resource.AbsentSince = null;
            else if (await IsProvedAbsentAsync(run, descriptor, resource, seen))
                throw new CaseFailedException($"Recorded parts are gone while nobody took them: {Show.Of(resource.Identity.Parts)} (DC-21, DC-62).");
            else
                continue;
            if (seen.Next is not { } step)
            {
                CaseRun.Expect(seen.Presence == Presence.Present, $"{resource.Kind} is absent and the driver names no first step (DC-26).");
                return resource;
            }

            if (MustWait(run, descriptor, resource, step) is { } wait)
            {
                await run.World.PassAsync(wait);
                continue;
            }

            await DoAsync(run, verbs, resource, step, hooks);
            if (hooks?.StopAfter?.Invoke(resource.Steps.Count - 1) == true)
                return resource;
        }

        throw new CaseFailedException($"{resource.Kind} isn't built after {MostRounds} rounds or {run.World.BuildTimeout}; the last look: {resource.Last}.");
    }

    /// <summary>Takes down until it is seen absent; leaves the identity as it was.</summary>
    public static async Task TakeDownAsync(CaseRun run, Resource resource, LoopHooks? hooks = null)
    {
        var limit = run.World.Time.GetUtcNow() + run.World.BuildTimeout;
        resource.Handle = null;
        resource.AbsentSince = null;
        for (var round = 0; round < MostRounds && run.World.Time.GetUtcNow() < limit; round++)
        {
            var verbs = (await run.SessionAsync()).Of(resource.Kind);
            var seen = await verbs.ObserveAsync(resource.Identity, null, resource.Handle);
            (resource.Last, resource.LastHandle) = (seen, resource.Handle);
            if (seen.Error is { } error)
            {
                await WaitAfterAsync(run, error, $"{resource.Kind} can't be observed");
                continue;
            }

            if (seen.InProgress is { } progress && seen.Next is null)
            {
                resource.Handle = progress.Handle;
                await run.World.PassAsync(progress.LookAgainAfter);
                continue;
            }

            resource.Handle = null;
            if (seen.Presence == Presence.Absent)
            {
                if (await IsProvedAbsentAsync(run, run.KindOf(resource.Kind), resource, seen))
                    return;
                continue;
            }

            resource.AbsentSince = null;
            CaseRun.Expect(seen.Presence == Presence.Present, $"{resource.Kind} is ambiguous while it is taken down: {seen} (DC-24).");
            if (seen.Next is not { } step)
                throw new CaseFailedException($"{resource.Kind} is there, nothing is in progress, and the driver names no delete step: {seen} (DC-27).");
            await DoAsync(run, verbs, resource, step, hooks);
            if (hooks?.StopAfter?.Invoke(resource.Steps.Count - 1) == true)
                return;
        }

        throw new CaseFailedException($"{resource.Kind} isn't gone after {MostRounds} rounds or {run.World.BuildTimeout}; the last look: {resource.Last}.");
    }

    /// <summary>Does one step and records what came of it, as the host does.</summary>
    public static async Task<DoneStep> DoAsync(CaseRun run, KindVerbs verbs, Resource resource, Step step, LoopHooks? hooks = null)
    {
        var number = resource.Steps.Count;
        if (hooks?.Before is { } before)
            await before(number, step);
        var now = run.World.Time.GetUtcNow();
        if (step.Verb == StepVerb.Create && step.Class != CreateClass.Repeatable)
            resource.Intent = resource.Intent is { } open && open.Part == step.Part ? open with { Deadline = now + run.World.CallTimeout } : new Intent(step.Part, step.Class, now, now + run.World.CallTimeout);
        var token = resource.TokenOf(step);
        var mutations = run.Faults.Mutations;
        var result = step.Verb switch
        {
            StepVerb.Create => await verbs.CreateAsync(step, token, resource.Identity, resource.Spec),
            StepVerb.Update => await verbs.UpdateAsync(step, token, resource.Identity, resource.Spec),
            StepVerb.Delete => await verbs.DeleteAsync(step, token, resource.Identity),
            _ => throw new CaseFailedException($"The step {step.Part} has no verb."),
        };
        var done = new DoneStep(step, token, resource.Identity, result, run.Faults.Mutations - mutations);
        resource.Steps.Add(done);
        resource.Record(result.Parts, result.Resolved);
        if (hooks?.After is { } after)
            await after(number, done);
        if (result.Error is not { } error)
        {
            resource.Handle = result.Progress?.Handle;
            // Answered; what an operation still works on is found by its handle or by the look.
            if (result.Done || result.Parts.Any(p => p.Name == step.Part))
                resource.Intent = null;
            if (result.Progress is { } progress)
                await run.World.PassAsync(progress.LookAgainAfter);
            return done;
        }

        if (error.Effect == Effect.NotApplied)
        {
            resource.Attempts[step.Part] = resource.Attempts.GetValueOrDefault(step.Part) + 1;
            resource.Intent = null;
        }

        await WaitAfterAsync(run, error, $"{step.Verb} {step.Part} of {resource.Kind} failed");
        return done;
    }

    /// <summary>Absence is believed when it was seen twice, a window apart, or from a tombstone; else the rest of the window passes.</summary>
    private static async Task<bool> IsProvedAbsentAsync(CaseRun run, KindDescriptor descriptor, Resource resource, Seen seen)
    {
        if (seen.Terminal)
            return true;
        var now = run.World.Time.GetUtcNow();
        if (resource.AbsentSince is { } since && now >= since + descriptor.ConsistencyWindow)
            return true;
        resource.AbsentSince ??= now;
        await run.World.PassAsync(resource.AbsentSince.Value + descriptor.ConsistencyWindow - now);
        return false;
    }

    private static TimeSpan? MustWait(CaseRun run, KindDescriptor descriptor, Resource resource, Step step)
    {
        if (resource.Intent is not { } intent || step.Verb != StepVerb.Create)
            return null;
        var now = run.World.Time.GetUtcNow();
        var repeatable = step.Part == intent.Part && intent.Class switch
        {
            CreateClass.Repeatable or CreateClass.Named => true,
            CreateClass.Token => now < intent.StartedAt + descriptor.TokenLife,
            _ => false,
        };
        var settled = intent.Deadline + descriptor.ConsistencyWindow;
        if (repeatable)
            return null;
        if (now < settled)
            return settled - now;
        if (intent.Class is CreateClass.Manual or CreateClass.Unknown)
            throw new NotApplicableException($"The create of {step.Part} has class {intent.Class}: after a lost answer a person decides.");
        resource.Intent = null;
        return null;
    }

    private static async Task WaitAfterAsync(CaseRun run, DriverError error, string what)
    {
        switch (error.Code)
        {
            case ErrorCode.Invalid or ErrorCode.Unsupported:
                throw new CaseFailedException($"{what}: {Show.Of(error)}");
            case ErrorCode.Throttled or ErrorCode.Conflict or ErrorCode.PreconditionFailed or ErrorCode.NotReadyYet or ErrorCode.Unavailable or ErrorCode.Timeout:
                await run.World.PassAsync(error.RetryAfter ?? TimeSpan.FromSeconds(1));
                break;
            default:
                await run.World.PassAsync(error.RetryAfter ?? TimeSpan.FromSeconds(15));
                break;
        }
    }
}
