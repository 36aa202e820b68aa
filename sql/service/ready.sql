select true as "answers!"
