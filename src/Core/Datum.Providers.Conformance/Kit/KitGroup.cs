namespace Datum.Providers.Conformance;

/// <summary>The groups of cases. One file in Groups/ holds the cases of one group.</summary>
public enum KitGroup
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>Factory, descriptor and schemas; needs no platform.</summary>
    Description = 1,

    /// <summary>Opening, probing and closing sessions, and what the world must be able to show.</summary>
    Session = 2,

    /// <summary>Findings about wishes.</summary>
    Validation = 3,

    /// <summary>Building, and building again.</summary>
    Create = 4,

    /// <summary>What is said of a request whose answer was lost.</summary>
    EffectCertainty = 5,

    /// <summary>Parts and the order of steps.</summary>
    Parts = 6,

    /// <summary>Looking.</summary>
    Observe = 7,

    /// <summary>Drift and changes in place.</summary>
    Update = 8,

    /// <summary>Taking down.</summary>
    Delete = 9,

    /// <summary>Listing.</summary>
    List = 10,

    /// <summary>Adoption and the other abilities.</summary>
    Abilities = 11,

    /// <summary>Handles and restarts of the host.</summary>
    Restart = 12,

    /// <summary>Credentials and accounts.</summary>
    Credentials = 13,

    /// <summary>Throttling, quota and capacity.</summary>
    Limits = 14,

    /// <summary>Cancellation and deadlines.</summary>
    Cancellation = 15,

    /// <summary>Secrets in no output.</summary>
    Secrets = 16,

    /// <summary>Names at the limits and odd characters.</summary>
    Names = 17,

    /// <summary>Clocks that differ.</summary>
    Clock = 18,

    /// <summary>Statics, threads and unloading.</summary>
    LoadContext = 19,
}
