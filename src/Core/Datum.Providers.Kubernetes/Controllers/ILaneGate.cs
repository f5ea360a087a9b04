namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>Says when a lane of a <see cref="WorkQueue{TKey}"/> may have its next key. While it may not, the other lanes go on and no worker waits.</summary>
/// <remarks>Called under the queue's lock: it answers at once and never calls the queue back.</remarks>
public interface ILaneGate<in TKey> where TKey : notnull
{
    /// <summary>
    /// Null: the key is handed out, and <see cref="Leave"/> is called once it is given back. Otherwise how long the lane waits until the next question;
    /// <see cref="WorkQueue{TKey}.Reopen"/> ends that sooner.
    /// </summary>
    TimeSpan? Enter(string lane, TKey key, WorkPriority priority);

    /// <summary>How many keys of the lane may be worked on at once.</summary>
    int MostAtOnce(string lane);

    /// <summary>The key was given back.</summary>
    void Leave(string lane, TKey key);
}
