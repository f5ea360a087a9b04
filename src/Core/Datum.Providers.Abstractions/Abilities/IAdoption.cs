namespace Datum.Providers;

/// <summary>
/// The ability of one kind to take over what others made, and to let go without deleting: an interface of the kind's
/// <see cref="IResourceDriver{TSpec,TFacts}"/>, announced by <see cref="KindDescriptor.Adoptable"/>. Rules DC-108 to DC-112.
/// </summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public interface IAdoption<TFacts> where TFacts : ResourceFacts
{
    /// <summary>Looks at an object by the platform's own id or name and says whose it is. Changes nothing. One that isn't there is Invalid.</summary>
    ValueTask<Answer<Candidate<TFacts>>> InspectAsync(Call call, Identity id, string providerId);

    /// <summary>
    /// Puts this identity's mark on the object and all of its parts; repeatable. <see cref="Operation.Step"/> has the part <c>adopt</c>.
    /// One that carries another's mark is Failed with Conflict that names the owner, and is left as it is (law L3).
    /// </summary>
    ValueTask<Outcome<TFacts>> AdoptAsync(Operation operation, Identity id, string providerId);

    /// <summary>
    /// Takes our mark off the recorded parts and changes nothing else; repeatable. <see cref="Operation.Step"/> has the part <c>release</c>.
    /// What is gone, or isn't ours any more, is Done.
    /// </summary>
    ValueTask<Outcome<TFacts>> ReleaseAsync(Operation operation, Identity id);
}

/// <summary>An object that could be adopted.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Candidate<TFacts> where TFacts : ResourceFacts
{
    /// <summary>Its parts, the main one first, as they would be recorded.</summary>
    public required ImmutableArray<Part> Parts { get; init; }

    /// <summary>Missing: it can be adopted. Ours: it is already. Foreign: it can't.</summary>
    public required MarkState Mark { get; init; }

    /// <summary>Who owns it when the mark is foreign: installation and name as the mark has them, for people; null otherwise.</summary>
    public string? Owner { get; init; }

    /// <summary>How far it is.</summary>
    public required Lifecycle State { get; init; }

    /// <summary>What it is.</summary>
    public required TFacts Facts { get; init; }
}
