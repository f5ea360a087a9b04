namespace Datum.Providers.Engine.Platform;

/// <summary>Sees every call to a session and says whether one more may be made.</summary>
internal interface ICallMeter
{
    /// <summary>How a call ended; null is success.</summary>
    void Saw(DriverError? error);

    /// <summary>Takes one request of the account's for a repetition, without waiting.</summary>
    bool MayRepeat();
}
