using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Tests.Decisions;

/// <summary>Looks and inputs in a few words.</summary>
internal static class Given
{
    public static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan TokenLife = TimeSpan.FromMinutes(10);

    public static Step Step(StepVerb verb, CreateClass of = CreateClass.Repeatable, string part = "server") => new() { Part = part, Verb = verb, Class = of };

    public static Look Absent(bool wanted = true) => new() { Presence = Presence.Absent, Next = wanted ? Step(StepVerb.Create, CreateClass.Marked) : null };

    /// <summary>Ours, of incarnation 1, at rest.</summary>
    public static Look Present() => new() { Presence = Presence.Present, Mark = MarkState.Ours, Incarnation = 1, State = Lifecycle.Ready, Parts = [new Part { Name = "server", Id = "i-1" }] };

    public static Look Leaving() => Present() with { Next = Step(StepVerb.Delete) };

    public static Drift Drift(Remedy remedy, string path = "sandbox.image") => new() { Path = path, Remedy = remedy };

    public static DecisionInput Input(Look look) => new()
    {
        Look = look, Now = Now, Wanted = true, Incarnation = 1, ConsistencyWindow = Window, TokenLife = TokenLife,
        HasParts = look.Presence is Presence.Present,
    };

    /// <summary>A create of the part "server" that was sent a second ago and may be answered for another 29 s.</summary>
    public static OpenIntent Intent(CreateClass of, string part = "server", bool sameWish = true) => new(part, of, Now.AddSeconds(-1), Now.AddSeconds(29), sameWish);

    /// <summary>As <see cref="Intent"/>, but its deadline and the window are over.</summary>
    public static OpenIntent OldIntent(CreateClass of, string part = "server") => new(part, of, Now.AddHours(-1), Now.AddHours(-1).AddSeconds(30), true);
}
